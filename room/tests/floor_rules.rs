//! The rules of the floor, one promise each.

mod floor_support;

use std::time::Duration;

use floor_support::{Test, ms};
use room::{
    MemberId,
    floor::{Answer, Cause, Denial, Floor, Happened, SILENCE, Settings},
};

const WHOLE: Answer = Answer::Granted { left: Some(Duration::from_secs(30)) };

fn granted(who: u64) -> Happened {
    Happened::Granted { who: MemberId(who) }
}

fn queued(who: u64, position: usize) -> Happened {
    Happened::Queued { who: MemberId(who), position }
}

fn denied(who: u64, reason: Denial) -> Happened {
    Happened::Denied { who: MemberId(who), reason }
}

fn released(who: u64) -> Happened {
    Happened::Released { who: MemberId(who) }
}

fn revoked(who: u64, cause: Cause) -> Happened {
    Happened::Revoked { who: MemberId(who), cause }
}

fn revoking(who: u64) -> Happened {
    Happened::Revoking { who: MemberId(who), cause: Cause::TalkedTooLong }
}

fn warned(who: u64, left: u64) -> Happened {
    Happened::Warned { who: MemberId(who), left: ms(left) }
}

fn unqueued(who: u64) -> Happened {
    Happened::Unqueued { who: MemberId(who) }
}

fn preempted(who: u64, by: u64) -> Happened {
    revoked(who, Cause::Preempted { by: MemberId(by) })
}

/// The floor after these asked in turn, each with its priority.
fn asked(settings: Settings, who: &[(u64, u8)]) -> Test {
    let mut test = Test::new(settings);
    for (who, priority) in who {
        test.request(*who, *priority);
        test.now += 20;
    }
    test.take();
    test
}

#[test]
fn who_asks_first_talks_and_the_next_waits_its_turn() {
    let mut test = Test::new(Settings::default());
    assert_eq!(test.request(1, 0), WHOLE);
    assert_eq!(test.request(2, 0), Answer::Queued { position: 1 });
    assert_eq!(test.request(3, 0), Answer::Queued { position: 2 });
    assert_eq!(test.take(), [granted(1), queued(2, 1), queued(3, 2)]);
    assert!(test.floor.may_talk(MemberId(1)) && !test.floor.may_talk(MemberId(2)));
    assert_eq!(test.release(1), [released(1), granted(2)]);
    assert_eq!(test.release(2), [released(2), granted(3)]);
    assert_eq!(test.release(3), [released(3), Happened::Idle]);
    assert_eq!(test.floor.due(), None);
}

#[test]
fn as_many_talk_as_there_are_places() {
    let test = asked(Settings { holders: 3, ..Settings::default() }, &[(1, 0), (2, 0), (3, 0), (4, 0)]);
    assert_eq!((test.holders(), test.queue()), (vec![1, 2, 3], vec![4]));
}

#[test]
fn a_holder_who_asks_again_is_told_what_is_left() {
    let mut test = asked(Settings::default(), &[(1, 0)]);
    test.pass(9_980, &[1]);
    assert_eq!(test.request(1, 0), Answer::Granted { left: Some(ms(20_000)) });
    assert_eq!(test.take(), []);
}

#[test]
fn a_holder_who_asks_again_rises_in_priority_but_does_not_fall() {
    let mut test = asked(Settings::default(), &[(1, 1)]);
    test.request(1, 4);
    test.request(1, 0);
    assert_eq!(test.request(2, 4), Answer::Queued { position: 1 });
    assert_eq!(test.request(3, 5), WHOLE);
}

#[test]
fn one_who_waits_and_asks_again_keeps_its_place() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0), (3, 0)]);
    assert_eq!(test.request(2, 0), Answer::Queued { position: 1 });
    assert_eq!((test.take(), test.queue()), (vec![], vec![2, 3]));
}

#[test]
fn one_who_waits_moves_as_its_priority_changes() {
    let mut test = asked(Settings { preemption: false, ..Settings::default() }, &[(1, 0), (2, 1), (3, 1), (4, 1)]);
    assert_eq!(test.request(4, 2), Answer::Queued { position: 1 });
    assert_eq!(test.take(), [queued(4, 1)]);
    assert_eq!(test.request(2, 0), Answer::Queued { position: 3 });
    test.request(2, 1);
    assert_eq!(test.queue(), [4, 2, 3], "among equals the first request counts");
}

#[test]
fn one_who_waits_and_asks_with_priority_takes_the_floor() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0)]);
    assert_eq!(test.request(2, 1), WHOLE);
    assert_eq!(test.take(), [preempted(1, 2), granted(2)]);
    assert!(test.queue().is_empty(), "who is pre-empted does not wait");
}

#[test]
fn the_queue_goes_by_priority_then_by_time() {
    let settings = Settings { preemption: false, ..Settings::default() };
    let test = asked(settings, &[(1, 9), (2, 0), (3, 5), (4, 0), (5, 5), (6, 255)]);
    assert_eq!(test.queue(), [6, 3, 5, 2, 4]);
}

#[test]
fn a_higher_priority_takes_the_floor_at_once() {
    let mut test = asked(Settings::default(), &[(1, 0)]);
    assert_eq!(test.request(2, 1), WHOLE);
    assert_eq!(test.take(), [preempted(1, 2), granted(2)]);
    assert!(!test.floor.may_talk(MemberId(1)), "no grace");
}

#[test]
fn an_equal_priority_waits() {
    let mut test = asked(Settings::default(), &[(1, 3)]);
    assert_eq!(test.request(2, 3), Answer::Queued { position: 1 });
}

#[test]
fn without_preemption_priority_only_leads_the_queue() {
    let mut test = asked(Settings { preemption: false, ..Settings::default() }, &[(1, 0), (2, 0)]);
    assert_eq!(test.request(3, 255), Answer::Queued { position: 1 });
}

#[test]
fn the_lowest_then_longest_talking_is_preempted() {
    let settings = Settings { holders: 4, ..Settings::default() };
    let mut test = asked(settings, &[(1, 2), (2, 1), (3, 1), (4, 3)]);
    test.request(5, 2);
    assert_eq!(test.take(), [preempted(2, 5), granted(5)]);
}

#[test]
fn a_full_queue_denies() {
    let mut test = asked(Settings { queue: 1, ..Settings::default() }, &[(1, 0), (2, 0)]);
    assert_eq!(test.request(3, 0), Answer::Denied(Denial::QueueFull));
    assert_eq!((test.take(), test.queue()), (vec![denied(3, Denial::QueueFull)], vec![2]));
}

#[test]
fn a_higher_priority_displaces_the_last_of_a_full_queue() {
    let settings = Settings { queue: 2, preemption: false, ..Settings::default() };
    let mut test = asked(settings, &[(1, 0), (2, 1), (3, 0)]);
    assert_eq!(test.request(4, 1), Answer::Queued { position: 2 });
    assert_eq!(test.take(), [denied(3, Denial::Displaced), queued(4, 2)]);
    assert_eq!(test.request(5, 1), Answer::Denied(Denial::QueueFull));
}

#[test]
fn where_nobody_may_wait_a_taken_floor_denies() {
    let mut test = asked(Settings { queue: 0, ..Settings::default() }, &[(1, 0)]);
    assert_eq!(test.request(2, 0), Answer::Denied(Denial::Taken));
    assert_eq!(test.request(3, 1), WHOLE);
}

#[test]
fn who_waits_and_lets_go_waits_no_longer() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0), (3, 0)]);
    assert_eq!(test.release(2), [unqueued(2)]);
    assert_eq!(test.queue(), [3]);
}

#[test]
fn a_release_of_nobody_is_discarded() {
    let mut test = asked(Settings::default(), &[(1, 0)]);
    assert_eq!(test.release(9), []);
    assert_eq!(test.leave(9), []);
    assert_eq!(test.revoke(9), []);
    assert_eq!(test.holders(), [1]);
}

#[test]
fn a_holder_who_vanishes_loses_the_floor_at_once() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0), (3, 0)]);
    assert_eq!(test.leave(1), [revoked(1, Cause::Left), granted(2)]);
    assert_eq!(test.leave(3), [unqueued(3)]);
    assert_eq!(test.leave(2), [revoked(2, Cause::Left), Happened::Idle]);
}

#[test]
fn a_long_talk_is_warned_then_revoked_with_grace() {
    let mut test = Test::new(Settings::default());
    test.request(1, 0);
    test.request(2, 0);
    test.take();
    assert_eq!(test.pass(24_980, &[1]), []);
    assert_eq!(test.pass(20, &[1]), [warned(1, 5_000)]);
    assert_eq!(test.pass(4_980, &[1]), []);
    assert_eq!(test.pass(20, &[1]), [revoking(1)]);
    assert!(test.floor.may_talk(MemberId(1)), "its media passes for the grace");
    let holder = test.floor.holders(ms(test.now)).next().unwrap();
    assert_eq!((holder.revoking, holder.left), (true, Some(ms(1_000))));
    assert_eq!(test.queue(), [2], "the place is taken until then");
    assert_eq!(test.pass(980, &[1]), []);
    assert_eq!(test.pass(20, &[1]), [revoked(1, Cause::TalkedTooLong), granted(2)]);
    assert!(!test.floor.may_talk(MemberId(1)));
}

#[test]
fn who_lets_go_in_the_grace_makes_way() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0)]);
    test.pass(30_000, &[1]);
    assert_eq!(test.release(1), [released(1), granted(2)]);
}

#[test]
fn who_talked_too_long_asks_again_behind_those_who_wait() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0), (3, 0)]);
    test.pass(30_000, &[1]);
    assert_eq!(test.request(1, 9), Answer::Denied(Denial::Revoked), "it has to let go first");
    assert_eq!(test.take(), [denied(1, Denial::Revoked)]);
    test.pass(1_000, &[1]);
    assert_eq!(test.request(1, 0), Answer::Queued { position: 2 });
}

#[test]
fn a_higher_priority_does_not_wait_for_the_grace() {
    let mut test = asked(Settings::default(), &[(1, 0)]);
    test.pass(30_000, &[1]);
    test.request(2, 1);
    assert_eq!(test.take(), [preempted(1, 2), granted(2)]);
}

#[test]
fn without_grace_the_floor_is_lost_with_the_time() {
    let settings = Settings { grace: Duration::ZERO, warning: Duration::ZERO, ..Settings::default() };
    let mut test = asked(settings, &[(1, 0)]);
    assert_eq!(test.pass(30_000, &[1]), [revoked(1, Cause::TalkedTooLong), Happened::Idle]);
}

#[test]
fn a_warning_longer_than_the_talk_is_none() {
    let settings = Settings { talk: ms(5_000), ..Settings::default() };
    let mut test = asked(settings, &[(1, 0)]);
    assert_eq!(test.pass(5_000, &[1]), [revoking(1)]);
}

#[test]
fn without_a_limit_one_talks_for_hours() {
    let mut test = Test::new(Settings { talk: Duration::ZERO, ..Settings::default() });
    assert_eq!(test.request(1, 0), Answer::Granted { left: None });
    test.take();
    assert_eq!(test.pass(7_200_000, &[1]), []);
}

#[test]
fn a_silent_holder_loses_the_floor() {
    let mut test = Test::new(Settings::default());
    test.request(1, 0);
    test.request(2, 0);
    test.take();
    assert_eq!(test.pass(2_000, &[1]), []);
    assert_eq!(test.pass(3_980, &[]), []);
    assert_eq!(test.pass(20, &[]), [revoked(1, Cause::Silent), granted(2)]);
    assert_eq!(test.pass(4_000, &[]), [revoked(2, Cause::Silent), Happened::Idle], "one who never sent anything too");
}

#[test]
fn a_packet_after_the_silence_saves_nobody() {
    let mut test = Test::new(Settings::default());
    test.request(1, 0);
    test.take();
    test.now += SILENCE.as_millis() as u64;
    test.media(&[1]);
    assert_eq!(test.late(20), [revoked(1, Cause::Silent), Happened::Idle]);
}

#[test]
fn packets_of_others_do_not_count() {
    let mut test = Test::new(Settings::default());
    test.request(1, 0);
    test.request(2, 0);
    test.take();
    assert_eq!(test.pass(4_000, &[2, 3]), [revoked(1, Cause::Silent), granted(2)]);
}

#[test]
fn a_late_tick_is_as_one_in_time() {
    let settings = Settings { talk: ms(3_000), warning: ms(500), holders: 2, ..Settings::default() };
    let people = [(1, 0), (2, 0), (3, 0), (4, 1), (5, 0)];
    let (mut late, mut in_time) = (asked(settings, &people), asked(settings, &people));
    let happened = late.late(20_000);
    let mut expected = Vec::new();
    let end = in_time.now + 20_000;
    while let Some(due) = in_time.floor.due() {
        in_time.now = due.as_millis() as u64;
        expected.extend(in_time.late(0));
    }
    in_time.now = end;
    assert_eq!(happened, expected);
    assert_eq!(happened.last(), Some(&Happened::Idle));
}

#[test]
fn a_request_first_does_what_was_due_before_it() {
    let mut test = Test::new(Settings::default());
    test.request(1, 0);
    test.take();
    test.now += 4_000;
    assert_eq!(test.request(2, 0), WHOLE);
    assert_eq!(test.take(), [revoked(1, Cause::Silent), Happened::Idle, granted(2)]);
}

#[test]
fn the_desk_gives_the_floor_whoever_waits() {
    let mut test = asked(Settings::default(), &[(1, 4), (2, 3), (3, 0)]);
    assert_eq!(test.grant(3, 0), [revoked(1, Cause::Revoked), granted(3)]);
    assert_eq!((test.holders(), test.queue()), (vec![3], vec![2]));
    assert_eq!(
        test.request(5, 3),
        Answer::Queued { position: 2 },
        "nobody of the priority of those who waited takes it"
    );
    assert_eq!(test.request(4, 4), WHOLE, "something more urgent does");
}

#[test]
fn the_desk_gives_it_to_one_who_did_not_ask() {
    let mut test = Test::new(Settings { holders: 2, ..Settings::default() });
    assert_eq!(test.grant(7, 0), [granted(7)]);
    assert_eq!(test.grant(8, 0), [granted(8)]);
    assert_eq!(test.grant(9, 0), [revoked(7, Cause::Revoked), granted(9)]);
}

#[test]
fn the_desk_gives_a_holder_its_time_anew() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0)]);
    test.pass(30_500, &[1]);
    assert_eq!(test.grant(1, 0), [granted(1)]);
    assert_eq!(test.request(1, 0), WHOLE);
    assert_eq!(test.pass(25_000, &[1]), [warned(1, 5_000)]);
}

#[test]
fn the_desk_takes_the_floor_without_grace() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0), (3, 0)]);
    assert_eq!(test.revoke(1), [revoked(1, Cause::Revoked), granted(2)]);
    assert_eq!(test.revoke(3), [denied(3, Denial::Removed)]);
    assert_eq!(test.revoke(2), [revoked(2, Cause::Revoked), Happened::Idle]);
}

#[test]
fn with_fewer_places_the_newest_lose_theirs() {
    let mut test = asked(Settings { holders: 3, ..Settings::default() }, &[(1, 0), (2, 0), (3, 0), (4, 0)]);
    let happened = test.set(Settings { holders: 1, ..Settings::default() });
    assert_eq!(happened, [revoked(3, Cause::FewerHolders), revoked(2, Cause::FewerHolders)]);
    assert_eq!((test.holders(), test.queue()), (vec![1], vec![4]));
}

#[test]
fn with_more_places_the_queue_moves_up() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0), (3, 0), (4, 0)]);
    assert_eq!(test.set(Settings { holders: 3, ..Settings::default() }), [granted(2), granted(3)]);
}

#[test]
fn a_shorter_queue_drops_its_last() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0), (3, 0), (4, 0)]);
    let happened = test.set(Settings { queue: 1, ..Settings::default() });
    assert_eq!(happened, [denied(4, Denial::QueueFull), denied(3, Denial::QueueFull)]);
}

#[test]
fn preemption_switched_on_holds_for_those_who_wait() {
    let mut test = asked(Settings { preemption: false, ..Settings::default() }, &[(1, 0), (2, 5)]);
    assert_eq!(test.set(Settings::default()), [preempted(1, 2), granted(2)]);
}

#[test]
fn a_shorter_talk_counts_from_the_grant() {
    let mut test = Test::new(Settings::default());
    test.request(1, 0);
    test.take();
    test.pass(10_000, &[1]);
    assert_eq!(test.set(Settings { talk: ms(12_000), ..Settings::default() }), [warned(1, 2_000)]);
    assert_eq!(test.pass(2_000, &[1]), [revoking(1)]);
}

#[test]
fn one_is_warned_once_also_when_the_talk_grows() {
    let mut test = Test::new(Settings::default());
    test.request(1, 0);
    test.take();
    assert_eq!(test.pass(26_000, &[1]), [warned(1, 5_000)]);
    assert_eq!(test.set(Settings { talk: Duration::ZERO, ..Settings::default() }), []);
    assert_eq!(test.set(Settings { talk: ms(60_000), ..Settings::default() }), []);
    assert_eq!(test.pass(33_980, &[1]), []);
    assert_eq!(test.pass(20, &[1]), [revoking(1)]);
}

#[test]
fn one_who_talked_longer_than_a_new_limit_gets_the_grace() {
    let mut test = Test::new(Settings { talk: Duration::ZERO, ..Settings::default() });
    test.request(1, 0);
    test.take();
    test.pass(60_000, &[1]);
    assert_eq!(test.set(Settings::default()), [revoking(1)]);
    assert_eq!(test.pass(1_000, &[1]), [revoked(1, Cause::TalkedTooLong), Happened::Idle]);
}

#[test]
fn a_room_that_ends_its_floor_lets_everybody_go() {
    let mut test = asked(Settings::default(), &[(1, 0), (2, 0)]);
    test.floor.clear(ms(test.now), &mut test.happened);
    assert_eq!(test.take(), [unqueued(2), revoked(1, Cause::ModeChanged), Happened::Idle]);
    assert_eq!((test.holders(), test.queue(), test.floor.due()), (vec![], vec![], None));
    test.floor.clear(ms(test.now), &mut test.happened);
    assert_eq!(test.take(), []);
}

#[test]
fn settings_out_of_range_count_as_the_nearest() {
    let floor = Floor::new(Settings { holders: 0, queue: 1_000, ..Settings::default() });
    assert_eq!((floor.settings().holders, floor.settings().queue), (1, 64));
    let floor = Floor::new(Settings { holders: usize::MAX, ..Settings::default() });
    assert_eq!(floor.settings().holders, 16);
}

#[test]
fn the_longest_times_are_no_limit_and_no_panic() {
    let max = Duration::MAX;
    let mut test = Test::new(Settings { talk: max, warning: max - ms(1), grace: max, ..Settings::default() });
    test.request(1, 0);
    test.pass(60_000, &[1]);
    assert_eq!(test.holders(), [1]);
    test.set(Settings { talk: ms(1_000), grace: max, ..Settings::default() });
    assert_eq!(test.pass(60_000, &[]), [], "a grace without end");
    test.floor.tick(max, &mut test.happened);
    assert_eq!(test.take(), [revoked(1, Cause::TalkedTooLong), Happened::Idle]);
}

#[test]
fn reasons_are_words_for_people() {
    for denial in [Denial::Taken, Denial::QueueFull, Denial::Displaced, Denial::Revoked, Denial::Removed] {
        assert!(denial.to_string().contains(' '));
    }
    assert_eq!(Cause::Silent.to_string(), "no sound came");
}
