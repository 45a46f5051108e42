-- Boards of weeks read the shifts of a plant; the key begins with the machine.
-- requires: plain

create index fact_shift_shift on stanok.fact_shift (shift_id);
