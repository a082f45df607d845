//! The list of all dialogues, as a macro that makes a test of each.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Client, Dialogue, play};

/// Reads a dialogue and plays it with a fresh client.
#[doc(hidden)]
pub async fn play_file<C: Client>(file: &str) {
    let path = folder().join(file).with_extension("json");
    let dialogue = fs::read_to_string(&path)
        .map_err(|error| error.to_string())
        .and_then(|json| Dialogue::parse(&json).map_err(|error| error.to_string()))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    play(&dialogue, &mut C::new().await).await;
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dialogues")
}

/// Writes one `#[test]` for each dialogue, played with this [`Client`].
///
/// ```text
/// http_suite!(Tower<MemoryStore>);
/// ```
///
/// Mount each suite in a module of its own. The modules that it makes are the folders of
/// `dialogues/`, the names of the tests are the files.
#[macro_export]
macro_rules! http_suite {
    ($client:ty) => {
        $crate::http_suite!(@tests $client,
            caching {
                a_refreshed_credential_is_told_to_caches
                an_error_of_the_session_is_not_cached
                every_way_to_change_is_told_to_caches
                every_way_to_look_is_told_to_caches
                private_and_no_store_stay
                public_is_taken_back
                the_handler_s_own_vary_stays
                who_never_asks_may_be_cached
            }
            cookie {
                a_host_cookie_stays_on_its_host
                a_partitioned_cookie_is_removed_in_its_partition
                a_strict_cookie_does_not_travel_over_http
                all_attributes_have_their_order
                an_insecure_cookie_is_for_development
                domain_and_path_come_back_in_the_removal
            }
            credential {
                a_bad_duplicate_does_not_hide_the_good_one
                a_changed_session_of_an_old_key_is_issued_anew
                a_credential_of_an_old_key_is_issued_anew
                a_dead_duplicate_does_not_hide_the_living_one
                a_forged_signature_is_nobody
                a_signature_has_one_spelling
                a_stranger_s_key_opens_nothing
                an_id_without_its_signature_is_nobody
                an_old_key_s_credential_that_is_never_used_ends_with_the_key
                an_unknown_id_is_never_adopted
                every_good_spelling_of_a_cookie_is_read
                ids_elsewhere_are_ignored
                of_two_living_duplicates_the_first_counts
                strange_cookies_around_ours_do_no_harm
                the_cookie_is_express_session_s_byte_for_byte
            }
            express {
                a_bad_duplicate_does_not_hide_the_good_one
                a_document_without_a_cookie_is_nobody_s
                a_logout_leaves_no_empty_session
                a_persistent_cookie_says_expires_alone
                a_persistent_session_of_an_express_application_keeps_its_life
                a_session_of_an_express_application_goes_on
                all_attributes_have_their_order
                destroy_removes_the_cookie_as_well
                regenerate_is_a_new_session_at_once
                resave_saves_what_did_not_change
                rolling_sends_the_cookie_with_every_answer
                save_uninitialized_stores_visitors
                the_default_cookie_has_its_exact_text
            }
            flash {
                a_message_is_express_s_too
                a_message_is_shown_once
                a_message_survives_a_login
                messages_keep_their_order_and_kind
            }
            lifetime {
                a_browser_session_ends_with_the_browser
                a_cookie_does_not_outlive_the_absolute_limit
                a_login_starts_the_absolute_limit_anew
                a_rotation_does_not_extend_the_absolute_limit
                an_absolute_limit_is_not_extended_by_use
                an_idle_limit_may_be_changed_for_all
                an_idle_session_ends
                max_age_is_what_browsers_take
                remember_me_is_not_inherited_after_logout
                remember_me_on_a_living_session_is_issued
                remember_me_outlives_the_browser
                remembering_does_not_extend_the_absolute_limit
                the_server_decides_when_a_browser_drops_it
                the_server_decides_when_a_browser_keeps_it
                use_keeps_a_session_alive
            }
            once {
                an_error_saves_what_went_before
                ended_and_begun_anew_is_one_new_credential
                every_status_carries_it
                head_requests_carry_it
                other_cookies_of_the_answer_stay
                saved_then_rotated_is_the_new_id
                saves_in_a_handler_make_one_cookie
                the_last_word_counts
            }
            plan {
                a_changed_session_is_updated_in_place
                a_cleared_session_stays
                a_destroyed_session_is_gone_on_both_sides
                a_login_begins_a_session
                a_login_by_another_user_keeps_nothing
                a_login_takes_a_new_id_and_keeps_the_data
                a_logout_and_a_login_in_one_request
                a_logout_leaves_nothing
                a_logout_with_a_message_is_a_new_session
                a_persistent_cookie_does_not_run_out_while_its_session_is_written
                a_persistent_session_slides_with_its_cookie
                a_regenerated_session_has_no_owner
                a_regenerated_session_starts_empty
                a_request_that_never_asks_costs_nothing
                a_rotated_session_has_a_new_id_and_its_data
                a_session_is_touched_when_it_is_due
                a_session_without_a_deadline_gets_one
                a_stored_session_is_read_and_nothing_else
                a_visitor_who_only_looks_leaves_nothing
                destroy_outweighs_the_rest
                destroy_then_regenerate_begins_a_new_session
                destroy_with_a_dead_credential_removes_it
                increments_add_up
                nothing_is_written_after_destroy
                regenerate_to_nothing_removes_the_cookie
                reload_forgets_what_was_not_saved
                reload_of_a_session_that_was_never_stored_empties_it
                reload_takes_back_what_was_to_become_of_the_id
                rotate_and_write_in_one_request
                the_first_write_stores_and_issues
                touch_extends_before_it_is_due
                what_is_emptied_again_is_not_stored
                what_is_written_as_it_was_changes_nothing
                what_only_starts_anew_is_not_stored
            }
            rotation {
                a_chain_of_rotations_is_followed
                a_destroy_under_the_id_of_before_a_login_ends_the_session
                a_login_after_a_rotation_closes_the_old_id
                a_login_before_a_rotation_closes_the_old_id
                a_login_beside_a_rotation_closes_the_old_id
                a_logout_under_the_id_of_before_a_login_ends_the_session
                a_logout_under_the_new_id_ends_both
                a_logout_under_the_old_id_ends_both
                a_long_chain_of_rotations_is_followed
                a_planted_id_gains_nothing_by_a_login
                a_rotation_from_the_old_id_is_a_rotation
                after_a_login_the_old_id_changes_no_lifetime
                after_a_login_the_old_id_may_still_add
                after_a_login_the_old_id_sees_nothing
                after_a_login_the_old_id_takes_nothing_out
                the_old_id_is_dead_after_the_grace
                the_old_id_reaches_the_session_for_the_grace
                without_grace_the_old_id_is_dead_at_once
                writes_under_the_old_id_arrive
            }
            transport {
                a_bad_cookie_does_not_hide_a_good_header
                a_header_of_its_own_comes_and_goes
                a_stolen_id_is_refused_on_every_way
                bearer_tokens_come_and_go_in_headers
                other_authorizations_are_not_ours
                the_answer_goes_the_way_of_the_request
            }
        );
    };
    (@tests $client:ty, $($folder:ident { $($test:ident)* })*) => {
        $(
            mod $folder {
                use super::*;

                $(
                    #[test]
                    fn $test() {
                        let file = concat!(stringify!($folder), "/", stringify!($test));
                        $crate::run($crate::dialogue::play_file::<$client>(file));
                    }
                )*
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn files() -> BTreeSet<String> {
        let entries = |path: &Path| -> Vec<PathBuf> {
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
        };
        let folders = entries(&folder()).into_iter().filter(|path| path.is_dir());
        let name = |path: PathBuf| {
            let path = path.strip_prefix(folder()).unwrap().with_extension("");
            path.to_str().unwrap().replace('\\', "/")
        };
        folders.flat_map(|folder| entries(&folder)).map(name).collect()
    }

    /// The names between the first two lines of the macro.
    fn listed() -> BTreeSet<String> {
        let source = include_str!("suite.rs");
        let list =
            source.split("@tests $client,\n").nth(1).and_then(|rest| rest.split(");").next());
        let mut folder = "";
        let mut listed = BTreeSet::new();
        for line in list.unwrap().lines().map(str::trim) {
            match line.split_once(" {") {
                Some((name, _)) => folder = name,
                None if line == "}" || line.is_empty() => {}
                None => _ = listed.insert(format!("{folder}/{line}")),
            }
        }
        listed
    }

    /// A dialogue that is written but not in the list would never be played.
    #[test]
    fn every_dialogue_is_in_the_list() {
        assert_eq!(files(), listed());
    }

    /// Whoever plays them from another language reads the same.
    #[test]
    fn every_dialogue_has_a_name_of_its_own_and_known_numbers() {
        let mut names = BTreeSet::new();
        for file in files() {
            let json = fs::read_to_string(folder().join(&file).with_extension("json")).unwrap();
            let dialogue = Dialogue::parse(&json).unwrap_or_else(|error| panic!("{file}: {error}"));
            let number = |text: &str| text.strip_prefix('S')?.parse::<u8>().ok();
            assert!(dialogue.proves.iter().all(|proof| number(proof).is_some()), "{file}");
            assert!(!dialogue.steps.is_empty() && names.insert(dialogue.name), "{file}");
        }
    }
}
