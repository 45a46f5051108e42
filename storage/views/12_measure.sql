-- Every measure of the facts, for boards that show where time went, what spindles did and what a plant used.

create view stanok_formula.measures as
select m.id as machine_id, f.*
from stanok.machine m
cross join lateral (
    select
        kind, hour, shift_id, day,
        sum(apt + apt_no_order)::bigint as producing,
        sum(adet_idle + adet_stop)::bigint as adet,
        sum(adot_idle + adot_setup + adot_stop)::bigint as adot,
        sum(apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop + unknown)::bigint as busy,
        sum(apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop
            + planned_state + planned_calendar + planned_failure + unknown + apt_out + aust_out + unknown_out)::bigint as calendar,
        sum(credit_total_us + credit_gap_total_us)::bigint as total,
        sum(credit_good_us + credit_gap_good_us)::bigint as good,
        sum(apt)::bigint as apt,
        sum(apt_no_order)::bigint as apt_no_order,
        sum(aust)::bigint as aust,
        sum(adet_idle)::bigint as adet_idle,
        sum(adet_stop)::bigint as adet_stop,
        sum(adot_idle)::bigint as adot_idle,
        sum(adot_setup)::bigint as adot_setup,
        sum(adot_stop)::bigint as adot_stop,
        sum(planned_state)::bigint as planned_state,
        sum(planned_calendar)::bigint as planned_calendar,
        sum(planned_failure)::bigint as planned_failure,
        sum(unknown)::bigint as unknown,
        sum(apt_out)::bigint as apt_out,
        sum(aust_out)::bigint as aust_out,
        sum(unknown_out)::bigint as unknown_out,
        sum(parts_total)::bigint as parts_total,
        sum(parts_good)::bigint as parts_good,
        sum(parts_scrap)::bigint as parts_scrap,
        sum(parts_no_standard)::bigint as parts_no_standard,
        sum(credit_total_us)::bigint as credit_total_us,
        sum(credit_good_us)::bigint as credit_good_us,
        sum(credit_gap_total_us)::bigint as credit_gap_total_us,
        sum(credit_gap_good_us)::bigint as credit_gap_good_us,
        sum(powered_us)::bigint as powered_us,
        sum(program_running_us)::bigint as program_running_us,
        sum(spindle_turning_us)::bigint as spindle_turning_us,
        sum(in_cut_us)::bigint as in_cut_us,
        sum(air_cut_us)::bigint as air_cut_us,
        sum(feed_hold_us)::bigint as feed_hold_us,
        sum(spindle_load_us)::bigint as spindle_load_us,
        sum(spindle_load)::bigint as spindle_load,
        sum(feed_override_loss)::bigint as feed_override_loss,
        sum(spindle_override_loss)::bigint as spindle_override_loss,
        sum(rapid_override_loss)::bigint as rapid_override_loss,
        sum(energy_mj)::bigint as energy_mj,
        sum(load_0_us)::bigint as load_0_us,
        sum(load_10_us)::bigint as load_10_us,
        sum(load_20_us)::bigint as load_20_us,
        sum(load_30_us)::bigint as load_30_us,
        sum(load_40_us)::bigint as load_40_us,
        sum(load_50_us)::bigint as load_50_us,
        sum(load_60_us)::bigint as load_60_us,
        sum(load_70_us)::bigint as load_70_us,
        sum(load_80_us)::bigint as load_80_us,
        sum(load_90_us)::bigint as load_90_us,
        sum(load_100_us)::bigint as load_100_us
    from stanok_formula.fact
    where machine_id = m.id -- here, so that whoever asks for some machines has only theirs summed
    group by kind, hour, shift_id, day
) f;
comment on view stanok_formula.measures is
    'Sums of a machine and hour, shift or day: busy is planned busy time (PBT), producing is APT with and without an order, calendar every class of time.';
