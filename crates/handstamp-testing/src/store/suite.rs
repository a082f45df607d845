//! The lists of all that a store has to do, as macros that make a test of each line.

/// Writes one `#[test]` for each promise of the [store contract](handstamp::store).
///
/// ```text
/// store_suite!(Harness);
/// store_suite!(Harness, without index);
/// store_suite!(Harness, without scan);
/// store_suite!(Harness, without index, without scan);
/// ```
///
/// The further forms are for a store that can't find the sessions of an owner, that can't walk through
/// all sessions, or neither. Mount each suite in a module of its own; the names of the tests are
/// sentences.
#[macro_export]
macro_rules! store_suite {
    ($harness:ty) => {
        $crate::store_suite!($harness, without index, without scan);
        $crate::store_suite!(@index $harness);
        $crate::store_suite!(@scan $harness);
        $crate::store_suite!(@tests $harness,
            scan: clear_leaves_nothing_in_the_index
        );
    };
    ($harness:ty, without index) => {
        $crate::store_suite!($harness, without index, without scan);
        $crate::store_suite!(@scan $harness);
    };
    ($harness:ty, without scan) => {
        $crate::store_suite!($harness, without index, without scan);
        $crate::store_suite!(@index $harness);
    };
    (@index $harness:ty) => {
        $crate::store_suite!(@tests $harness,
            dropping: a_dropped_revoke_ended_all_or_none
            dropping: a_dropped_write_leaves_the_index_true
            hostile: every_owner_has_exactly_the_sessions_of_this_owner
            hostile: revoke_ends_exactly_the_sessions_of_the_hostile_owner
            index: a_deleted_session_leaves_the_index
            index: a_revoked_session_is_gone_for_every_operation
            index: a_write_that_did_not_happen_leaves_the_owner_as_it_was
            index: an_expired_session_is_not_listed_counted_or_revoked
            index: an_id_created_again_is_indexed_for_its_new_owner_only
            index: an_owner_may_have_a_thousand_sessions
            index: an_owner_without_sessions_has_none
            index: list_and_count_find_every_session_of_the_owner_and_no_other
            index: list_tells_what_load_tells
            index: nothing_puts_an_expired_session_back_into_the_index
            index: revoke_ends_all_sessions_of_the_owner_and_tells_how_many
            index: revoke_except_a_session_of_somebody_else_ends_all
            index: revoke_spares_the_session_that_is_excepted
            index: touch_keeps_a_session_with_its_owner
            index: update_by_the_same_owner_keeps_a_session_listed_once
            index: update_gives_a_session_its_first_owner
            index: update_moves_a_session_to_its_new_owner
            index: update_with_no_time_left_ends_a_session_for_every_operation
            index: update_without_owner_takes_a_session_out_of_the_index
            index_races: a_session_that_changes_owners_in_a_race_is_the_last_ones
            index_races: an_id_created_again_the_moment_it_is_deleted_is_listed
            index_races: create_racing_revoke_is_ended_or_listed
            index_races: login_racing_revoke_is_ended_or_listed
            index_races: parallel_revokes_end_each_session_once
            index_races: revoke_ends_a_rotating_session_under_its_old_or_its_new_id
            index_races: the_index_is_true_after_all_kinds_of_writes_at_once
            index_races: touch_racing_revoke_does_not_bring_the_session_back
            index_races: update_racing_revoke_does_not_bring_the_session_back
        );
    };
    (@scan $harness:ty) => {
        $crate::store_suite!(@tests $harness,
            dropping: a_dropped_clear_leaves_whole_sessions_only
            hostile: a_walk_meets_every_id_that_can_be
            scan: a_cleared_session_is_gone_for_every_operation
            scan: a_cursor_that_is_none_is_refused
            scan: a_deleted_session_is_not_met_or_counted
            scan: a_session_created_after_clear_is_a_new_one
            scan: a_walk_gets_past_any_number_of_expired_sessions
            scan: a_walk_in_pages_of_no_size_comes_to_its_end
            scan: a_walk_may_go_on_at_another_handle
            scan: a_walk_meets_every_living_session_once_when_nothing_changes
            scan: a_walk_meets_what_stays_while_sessions_come_and_go
            scan: a_walk_tells_what_load_tells
            scan: an_empty_store_has_nothing_to_meet_count_or_clear
            scan: an_expired_session_is_not_met_or_counted
            scan: clear_does_not_count_what_has_expired
            scan: clear_ends_everything_and_tells_how_many
            scan: clear_ends_thousands
            scan: pages_are_bounded
            scan_races: a_walk_racing_creates_and_deletes_meets_what_stays
            scan_races: clear_ends_a_rotating_session_under_its_old_or_its_new_id
            scan_races: clear_racing_touch_leaves_nothing_of_what_lived_before
            scan_races: clear_racing_update_leaves_nothing_of_what_lived_before
            scan_races: create_racing_clear_is_ended_or_met
            scan_races: parallel_clears_end_each_session_once
        );
    };
    ($harness:ty, without index, without scan) => {
        $crate::store_suite!(@tests $harness,
            dropping: a_dropped_create_happened_wholly_or_not_at_all
            dropping: a_dropped_delete_happened_wholly_or_not_at_all
            dropping: a_dropped_load_changes_nothing
            dropping: a_dropped_touch_happened_wholly_or_not_at_all
            dropping: a_dropped_update_happened_wholly_or_not_at_all
            expiry: a_living_session_survives_the_expiry_of_its_neighbours
            expiry: a_session_that_was_touched_expires_by_its_new_lifetime
            expiry: create_over_an_expired_session_is_done
            expiry: delete_of_expired_session_returns_nothing
            expiry: load_of_expired_session_is_missing
            expiry: touch_of_expired_session_is_false_and_does_not_revive_it
            expiry: update_of_expired_session_is_gone_and_does_not_revive_it
            hostile: a_document_of_one_megabyte_comes_back
            hostile: a_document_of_ten_megabytes_comes_back
            hostile: a_session_is_not_found_by_an_id_that_is_merely_similar
            hostile: every_document_comes_back_byte_for_byte
            hostile: every_id_that_can_be_is_a_key_of_its_own
            hostile: every_write_reaches_exactly_the_session_with_the_hostile_id
            lifetimes: a_lifetime_of_an_eternity_is_long
            lifetimes: a_lifetime_of_zero_is_over_at_once
            lifetimes: a_write_that_did_not_happen_leaves_the_lifetime_as_it_was
            lifetimes: create_sets_the_lifetime
            lifetimes: each_session_has_a_lifetime_of_its_own
            lifetimes: touch_sets_the_lifetime_longer
            lifetimes: touch_sets_the_lifetime_shorter
            lifetimes: update_sets_the_lifetime_longer
            lifetimes: update_sets_the_lifetime_shorter
            outcomes: create_after_delete_makes_a_new_session
            outcomes: create_of_living_session_is_duplicate_and_leaves_it_untouched
            outcomes: delete_of_unknown_or_deleted_session_returns_nothing
            outcomes: delete_returns_what_the_session_last_held
            outcomes: load_changes_nothing
            outcomes: load_finds_what_was_created
            outcomes: load_of_unknown_session_is_missing
            outcomes: sessions_are_independent_of_each_other
            outcomes: touch_leaves_bytes_and_version_as_they_are
            outcomes: touch_tells_whether_the_session_lives
            outcomes: two_handles_see_the_same_sessions
            outcomes: update_at_a_version_that_never_was_is_conflict
            outcomes: update_at_another_version_is_conflict_and_carries_what_stands_there
            outcomes: update_at_the_version_that_a_conflict_carried_succeeds
            outcomes: update_at_the_version_that_load_returned_succeeds
            outcomes: update_of_deleted_session_is_gone_and_stays_gone
            outcomes: update_of_unknown_session_is_gone_and_creates_nothing
            outcomes: update_replaces_the_document
            races: a_hundred_parallel_increments_end_at_a_hundred
            races: a_session_is_gone_after_delete_raced_touch
            races: a_session_is_gone_after_delete_raced_update
            races: create_racing_delete_is_done_exactly_if_it_lives_afterwards
            races: load_racing_updates_sees_whole_writings_only
            races: of_many_creates_over_an_expired_session_exactly_one_is_done
            races: of_many_creates_with_one_id_exactly_one_is_done
            races: of_many_deletes_exactly_one_returns_the_bytes
            races: of_many_updates_at_one_version_exactly_one_is_done
            races: update_of_an_expired_session_racing_create_is_never_done
            races: update_racing_touch_loses_nothing
            versions: a_version_does_not_come_back_when_the_session_expired_and_was_created_again
            versions: a_version_does_not_come_back_when_the_session_is_deleted_and_created_again
            versions: an_update_meant_for_the_deleted_session_does_not_hit_its_successor
            versions: every_update_has_a_version_of_its_own
        );
    };
    (@tests $harness:ty, $($module:ident: $test:ident)*) => {
        $(
            #[test]
            fn $test() {
                $crate::run($crate::store::$module::$test::<$harness>());
            }
        )*
    };
}

/// Writes one `#[test]` for each promise of [`SessionChanges`](handstamp::store::SessionChanges).
///
/// ```text
/// changes_suite!(Harness);
/// ```
///
/// It is for a store that tells of changes, and that has an index and a scan. Its harness is the one of
/// [`store_suite!`](crate::store_suite); mount each suite in a module of its own. That two stores tell
/// nothing of each other is tried on two harnesses, so where one server serves all tests, these must
/// differ in what tells stores apart there, as a prefix does.
#[macro_export]
macro_rules! changes_suite {
    ($harness:ty) => {
        $crate::store_suite!(@tests $harness,
            changes: a_change_right_after_watch_has_answered_is_told
            changes: a_created_session_is_told
            changes: a_deleted_session_is_told
            changes: a_dropped_next_loses_no_change
            changes: a_session_that_is_given_no_time_is_told
            changes: a_thousand_changes_that_nobody_reads_are_told_or_any
            changes: a_touched_session_is_told
            changes: an_updated_session_is_told
            changes: cleared_sessions_are_told
            changes: everybody_who_watches_is_told
            changes: revoked_sessions_are_told
            changes: sessions_of_another_store_are_not_told
            changes: what_is_told_can_be_loaded
            changes: what_the_watching_handle_changes_is_told
            changes: who_watches_on_is_told_when_another_has_stopped
        );
    };
}

#[cfg(test)]
mod tests {
    /// A behaviour that is written but not in the list would never run.
    #[test]
    fn every_behaviour_is_in_the_list() {
        let list = include_str!("suite.rs");
        for (module, source) in [
            ("changes", include_str!("changes.rs")),
            ("dropping", include_str!("dropping.rs")),
            ("expiry", include_str!("expiry.rs")),
            ("hostile", include_str!("hostile.rs")),
            ("index", include_str!("index.rs")),
            ("index_races", include_str!("index_races.rs")),
            ("lifetimes", include_str!("lifetimes.rs")),
            ("outcomes", include_str!("outcomes.rs")),
            ("races", include_str!("races.rs")),
            ("scan", include_str!("scan.rs")),
            ("scan_races", include_str!("scan_races.rs")),
            ("versions", include_str!("versions.rs")),
        ] {
            for line in source.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let behaviour = line.split('<').next().unwrap_or(line);
                assert!(
                    list.contains(&format!(" {module}: {behaviour}\n")),
                    "{module}: {behaviour}"
                );
            }
        }
    }
}
