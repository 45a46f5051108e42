-- What a machine cannot tell: a figure that rests on it is undefined, not 0.
-- requires: plain

alter table stanok.machine
    add column has_counter boolean not null default true,
    add column has_spindle boolean not null default true;
comment on column stanok.machine.has_counter is 'The plant file names a counter of total or good parts [bool]';
comment on column stanok.machine.has_spindle is 'The plant file names a signal that says whether a spindle turns [bool]';
