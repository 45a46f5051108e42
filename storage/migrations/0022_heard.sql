-- When a source was last heard, apart from what its own clock said then.
-- requires: plain

alter table stanok.source_frontier add column heard timestamptz;
comment on column stanok.source_frontier.heard is 'When the last proof of life arrived, by the collector''s clock; null never [UTC]';
