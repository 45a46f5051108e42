-- What the processes measured of their own house: room for spools, certificates. For boards and alerts.
-- requires: plain

create table stanok.platform_measure (
    what text not null,
    subject text not null,
    value double precision not null,
    at_time timestamptz not null,
    primary key (what, subject)
);
comment on table stanok.platform_measure is 'The last measure of each kind and subject; of a subject that is gone it is old.';
comment on column stanok.platform_measure.what is
    'spool_left_h: hours until a spool''s disk is full at the rate of its last records; spool_waiting: records that the '
    'database has not; certificate_left_d: days until a certificate ends [text]';
comment on column stanok.platform_measure.subject is 'Spool or certificate file [text]';
comment on column stanok.platform_measure.value is 'Value, in the unit that the name ends in, otherwise a count [unit]';
comment on column stanok.platform_measure.at_time is 'Tick of the engine when it was measured [UTC]';
