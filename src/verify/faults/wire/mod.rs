//! The faults of the wire: leaky gateways in front of the shipped service.
//!
//! The router behind them is right, and so are its routes. What leaks is what people put in front: a proxy that caches,
//! a layer that "helps", a handler that takes silence for the end. Each gateway is a middleware around the shipped
//! routes ([`Server::wrapped`](crate::server::Server::wrapped)), in a file of its own, with the defect at one marked
//! place. Near-misses do something unusual that no client may mind.
//!
//! Whoever probes a service knows nothing of this room: a server is started with an opaque number.

mod any_host;
mod any_host_to_create;
mod any_origin;
mod archive_knows_no_cursor;
mod authority_outlives_request;
mod body_before_right;
mod body_left_unread;
mod cacheable_stream;
mod capability_in_url;
mod capability_of_any_job;
mod checked_before_body;
mod cursor_ignored;
mod done_after_stopped;
mod done_and_hung_up;
mod done_is_always_completed;
mod expired_emit;
mod expired_still_flows;
mod expiry_is_told;
mod first_reader_steals;
mod forbidden_is_not_absent;
mod foreign_cursor_accepted;
mod forged_cursor_restarts;
mod frame_beyond_buffer_lost;
mod full_for_everybody;
mod gateway;
mod global_event_counter;
mod grants_what_is_asked;
mod hang_up_cancels;
mod idle_read_as_done;
mod job_in_metrics;
mod lag_swallowed;
mod lag_swallowed_midstream;
mod lf_splits_frame;
mod lone_cr_splits_frame;
mod marker_in_payload;
mod missing_done;
mod near_crlf;
mod near_cursor_renamed;
mod near_every_byte_alone;
mod near_many_comments;
mod near_refusal_reworded;
mod numbers_as_doubles;
mod operators_door_open;
mod revoked_still_flows;
mod second_door;
mod sequential_ids;
mod shared_buffer;
mod shared_cache;
mod split_character_replaced;
mod stream;
mod success_with_error_text;
mod system_on_every_stream;
mod ticket_outlives_its_time;
mod unchecked_verb;

use super::about::About;
use gateway::{Gate, put};

/// One gateway.
pub struct Gateway {
    /// What is said of it.
    pub about: &'static About,
    wrap: fn(axum::Router) -> axum::Router,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("about", self.about).finish_non_exhaustive()
    }
}

const fn of<G: Gate>(about: &'static About) -> Gateway {
    Gateway { about, wrap: put::<G> }
}

/// Leaky ones first, then near-misses. A gateway's number is its place here plus one.
pub static GATEWAYS: &[Gateway] = &[
    of::<success_with_error_text::SuccessWithErrorText>(&success_with_error_text::ABOUT),
    of::<idle_read_as_done::IdleReadAsDone>(&idle_read_as_done::ABOUT),
    of::<marker_in_payload::MarkerInPayload>(&marker_in_payload::ABOUT),
    of::<first_reader_steals::FirstReaderSteals>(&first_reader_steals::ABOUT),
    of::<missing_done::MissingDone>(&missing_done::ABOUT),
    of::<done_is_always_completed::DoneIsAlwaysCompleted>(&done_is_always_completed::ABOUT),
    of::<hang_up_cancels::HangUpCancels>(&hang_up_cancels::ABOUT),
    of::<lag_swallowed::LagSwallowed>(&lag_swallowed::ABOUT),
    of::<lag_swallowed_midstream::LagSwallowedMidstream>(&lag_swallowed_midstream::ABOUT),
    of::<foreign_cursor_accepted::ForeignCursorAccepted>(&foreign_cursor_accepted::ABOUT),
    of::<forged_cursor_restarts::ForgedCursorRestarts>(&forged_cursor_restarts::ABOUT),
    of::<cursor_ignored::CursorIgnored>(&cursor_ignored::ABOUT),
    of::<archive_knows_no_cursor::ArchiveKnowsNoCursor>(&archive_knows_no_cursor::ABOUT),
    of::<forbidden_is_not_absent::ForbiddenIsNotAbsent>(&forbidden_is_not_absent::ABOUT),
    of::<expiry_is_told::ExpiryIsTold>(&expiry_is_told::ABOUT),
    of::<body_before_right::BodyBeforeRight>(&body_before_right::ABOUT),
    of::<sequential_ids::SequentialIds>(&sequential_ids::ABOUT),
    of::<capability_of_any_job::CapabilityOfAnyJob>(&capability_of_any_job::ABOUT),
    of::<unchecked_verb::UncheckedVerb>(&unchecked_verb::ABOUT),
    of::<grants_what_is_asked::GrantsWhatIsAsked>(&grants_what_is_asked::ABOUT),
    of::<authority_outlives_request::AuthorityOutlivesRequest>(&authority_outlives_request::ABOUT),
    of::<checked_before_body::CheckedBeforeBody>(&checked_before_body::ABOUT),
    of::<done_and_hung_up::DoneAndHungUp>(&done_and_hung_up::ABOUT),
    of::<body_left_unread::BodyLeftUnread>(&body_left_unread::ABOUT),
    of::<second_door::SecondDoor>(&second_door::ABOUT),
    of::<capability_in_url::CapabilityInUrl>(&capability_in_url::ABOUT),
    of::<revoked_still_flows::RevokedStillFlows>(&revoked_still_flows::ABOUT),
    of::<done_after_stopped::DoneAfterStopped>(&done_after_stopped::ABOUT),
    of::<expired_still_flows::ExpiredStillFlows>(&expired_still_flows::ABOUT),
    of::<expired_emit::ExpiredEmit>(&expired_emit::ABOUT),
    of::<operators_door_open::OperatorsDoorOpen>(&operators_door_open::ABOUT),
    of::<ticket_outlives_its_time::TicketOutlivesItsTime>(&ticket_outlives_its_time::ABOUT),
    of::<any_host::AnyHost>(&any_host::ABOUT),
    of::<any_host_to_create::AnyHostToCreate>(&any_host_to_create::ABOUT),
    of::<any_origin::AnyOrigin>(&any_origin::ABOUT),
    of::<cacheable_stream::CacheableStream>(&cacheable_stream::ABOUT),
    of::<shared_cache::SharedCache>(&shared_cache::ABOUT),
    of::<lf_splits_frame::LfSplitsFrame>(&lf_splits_frame::ABOUT),
    of::<lone_cr_splits_frame::LoneCrSplitsFrame>(&lone_cr_splits_frame::ABOUT),
    of::<split_character_replaced::SplitCharacterReplaced>(&split_character_replaced::ABOUT),
    of::<frame_beyond_buffer_lost::FrameBeyondBufferLost>(&frame_beyond_buffer_lost::ABOUT),
    of::<numbers_as_doubles::NumbersAsDoubles>(&numbers_as_doubles::ABOUT),
    of::<shared_buffer::SharedBuffer>(&shared_buffer::ABOUT),
    of::<global_event_counter::GlobalEventCounter>(&global_event_counter::ABOUT),
    of::<full_for_everybody::FullForEverybody>(&full_for_everybody::ABOUT),
    of::<system_on_every_stream::SystemOnEveryStream>(&system_on_every_stream::ABOUT),
    of::<job_in_metrics::JobInMetrics>(&job_in_metrics::ABOUT),
    of::<near_every_byte_alone::EveryByteAlone>(&near_every_byte_alone::ABOUT),
    of::<near_crlf::Crlf>(&near_crlf::ABOUT),
    of::<near_many_comments::ManyComments>(&near_many_comments::ABOUT),
    of::<near_cursor_renamed::CursorRenamed>(&near_cursor_renamed::ABOUT),
    of::<near_refusal_reworded::RefusalReworded>(&near_refusal_reworded::ABOUT),
];

/// All of them, each with its number.
pub fn numbered() -> impl Iterator<Item = (u32, &'static About)> {
    (1..).zip(GATEWAYS.iter().map(|gateway| gateway.about))
}

/// Puts the gateway of this number around routes, with nothing in its memory; 0 leaves them as they are.
///
/// # Panics
/// If there is no such number. The number of a fault is known to the program alone, so this is a defect of ours.
pub fn wrap(number: u32, routes: axum::Router) -> axum::Router {
    let Some(place) = number.checked_sub(1) else { return routes };
    let gateway = usize::try_from(place).ok().and_then(|place| GATEWAYS.get(place));
    let gateway = gateway.unwrap_or_else(|| panic!("there is no gateway {number}: they are 1 to {}", GATEWAYS.len()));
    (gateway.wrap)(routes)
}
