// What only TimescaleDB's Community edition can do, run once in PGlite (PostgreSQL and TimescaleDB in WebAssembly).
// `python -m tests.community` calls it: node community.mjs PGLITE-FOLDER REPOSITORY. It ends with 1 at the first wrong answer.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, repository] = process.argv.slice(2)
const load = async file => import(pathToFileURL(join(folder, 'dist', file)).href)
const { PGlite } = await load('index.js')
const { timescaledb } = await load('timescaledb/index.js')

const db = await PGlite.create({ extensions: { timescaledb } })
const one = async query => Object.values((await db.query(query)).rows[0])[0]
const check = (what, found, expected) => {
  const right = JSON.stringify(found) === JSON.stringify(expected)
  console.log(`${right ? 'right' : 'WRONG'}: ${what}: ${JSON.stringify(found)}${right ? '' : `, not ${JSON.stringify(expected)}`}`)
  if (!right) process.exit(1)
}

await db.exec('create extension timescaledb')
console.log(`TimescaleDB ${await one("select extversion from pg_extension where extname = 'timescaledb'")}, ${await one('select version()')}`)
check('licence', await one("select current_setting('timescaledb.license')"), 'timescale')

await db.exec("set timezone = 'UTC'; create schema stanok")
for (const name of readdirSync(join(repository, 'storage/migrations')).sort()) {
  await db.exec(readFileSync(join(repository, 'storage/migrations', name), 'utf8'))
  console.log(`applied ${name}`)
}

await db.exec(`
  insert into stanok.engine_state values (true, '2026-03-24 12:00+00');
  insert into stanok.sample_gauge
  select t, m, 1, 1, extract(epoch from t)::bigint % 97, -1, 0, 0, row_number() over (), 1, 1, 1, t, null
  from generate_series('2026-03-10 00:00+00'::timestamptz, '2026-03-24 11:59+00', '1 minute') t cross join generate_series(1, 5) m;
  insert into stanok.sample_gauge values ('2026-03-11', 1, 2, 1, 'NaN', -1, 0, 0, 1, 1, 2, 1, '2026-03-11', 'a text')`)
await db.exec(`
  insert into stanok.sample_block
  select min(event_time), machine_id, 1, -1, 0, 0, 1, min(received_time), array_agg(event_time), '{3}', array_agg(value * 1.5),
    array_agg(seq), '{1}', array_agg(seq::integer), array_agg(received_time)
  from stanok.sample_gauge where text is null
  group by machine_id, date_bin('20 minutes', event_time, 'epoch')`)
const samples = 'select count(*)::int from stanok.sample'
const rows = 'select count(*)::int from stanok.sample_gauge'
const answer = `select md5(string_agg(s::text, '|' order by event_time, machine_id, signal_id, seq)) from stanok.sample s`
const blocks = await one(`select sum(total_bytes)::int from chunks_detailed_size('stanok.sample_block') join timescaledb_information.chunks using (chunk_name) where range_end < '2026-03-17 12:00+00'`)
const [count, all, before] = [await one(rows), await one(samples), await one(answer)]
check('samples, each alone and in a block', all, 2 * count - 1)

let made = 0
while ((await one('select stanok.compress_chunk()')) !== null) made++
check('steps until chunks of a week ago are columns', made, 58)
check('samples afterwards', await one(samples), all)
check('the same answer', await one(answer), before)
check('the first sample that lies in a block still', await one('select min(event_time)::text from stanok.sample_block'), '2026-03-17 06:00:00+00')
const bytes = (await db.query("select sum(before_compression_total_bytes)::int a, sum(after_compression_total_bytes)::int b from hypertable_compression_stats('stanok.sample_gauge')")).rows[0]
console.log(`bytes of these chunks: ${blocks} in blocks and ${bytes.a} with their rows in rows before, ${bytes.b} after`)

await db.exec("insert into stanok.sample_gauge values ('2026-03-11 00:00:30+00', 1, 1, 1, 4711, -1, 0, 0, 1, 1, 3, 1, '2026-03-24', null)")
check('a late row goes into columns', await one("select value from stanok.sample_gauge where event_time = '2026-03-11 00:00:30+00'"), 4711)
let indexed = 0
while ((await one('select stanok.index_chunk()')) !== null) indexed++
check('closed chunks of rows that got their index', indexed, 28)

await db.exec("insert into stanok.kept values (1, '2026-03-13', '2026-03-12')")
check('chunks that retention drops', await one("select stanok.forget_samples('sample_gauge', '2026-03-12', 10)"), 8)
check('the first row that stays', await one('select min(event_time)::text from stanok.sample_gauge'), '2026-03-12 00:00:00+00')
await db.close()
