-- What boards ask of very many rows is answered by an index alone: of each stop whether somebody gave a reason for it, and
-- of each shift of some weeks which machines worked in it.
-- requires: plain

drop index stanok.operator_entry_machine;
create index operator_entry_machine on stanok.operator_entry (machine_id, to_time, from_time);

drop index stanok.fact_shift_shift;
create index fact_shift_shift on stanok.fact_shift (shift_id, machine_id)
    include (apt, apt_no_order, aust, apt_out, aust_out, unknown, unknown_out);
