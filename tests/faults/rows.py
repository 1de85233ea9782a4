"""The kinds of fault, what happens at each, and the tests that hold it: data only.

Promises: what is said of a fault is what its tests look at; what is not so yet stands in `not_met`,
in the words of the mark of its test. Leaves to others: writing it out (`table.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """One kind of fault.

    Attributes:
        number: Its number.
        fault: What goes wrong.
        outcome: What happens then.
        held_by: The tests, as `file::name`, below `tests/`.
        not_met: What does not happen yet.
    """

    number: int
    fault: str
    outcome: str
    held_by: tuple[str, ...]
    not_met: tuple[str, ...] = ()


ROWS: tuple[Row, ...] = (
    Row(
        1,
        "the connection is reset in the middle of a chunk",
        "`StreamInterrupted` with the number of chunks, which were returned before",
        (
            "faults/_async/test_ends.py::test_a_reset_in_a_chunk",
            "faults/_async/test_ends.py::test_a_reset_of_a_body_that_the_connection_ends",
            "_async/test_cut_streams.py::test_the_connection_is_reset",
        ),
    ),
    Row(
        2,
        "the connection ends in the middle of an HTTP chunk, or without the last one",
        "`StreamInterrupted`",
        (
            "faults/_async/test_ends.py::test_a_cut",
            "faults/_async/test_ends.py::test_an_end_of_tls",
            "_async/test_cut_streams.py::test_the_connection_breaks",
        ),
    ),
    Row(
        3,
        "the response ends normally, but in the middle of an event",
        "`IncompleteStream`; an event is returned if only its empty line is missing and its lines"
        " and its JSON are complete",
        (
            "faults/_async/test_ends.py::test_half_an_event",
            "_async/test_cut_streams.py::test_half_an_event_is_no_chunk",
            "_async/test_cut_streams.py::test_a_whole_event_without_a_blank_line_is_delivered",
        ),
    ),
    Row(
        4,
        "a `Content-Length` that is too long or too short",
        "too long: `StreamInterrupted`; too short: `IncompleteStream` in the middle of an event",
        ("faults/_async/test_ends.py::test_a_wrong_length",),
    ),
    Row(
        5,
        "an HTTP chunk with an invalid or overflowing size; two lengths, or a length and chunks",
        "`StreamInterrupted`; if it is in the head, `StreamConnectionError`",
        (
            "faults/_async/test_ends.py::test_a_bad_chunk",
            "faults/_async/test_ends.py::test_a_body_that_can_be_read_in_two_ways",
            "unit/test_framing.py::test_nothing_that_h11_refuses_is_taken",
            "faults/_async/test_limits.py::test_framing_without_an_end",
            "faults/_async/test_limits.py::test_a_long_content_length",
        ),
    ),
    Row(
        6,
        "the server is silent in the body",
        "`StreamTimeout` with the phase `idle`",
        ("faults/_async/test_silence.py::test_silence_in_the_body",),
    ),
    Row(
        7,
        "single bytes that complete no line; keep-alives without end",
        "`StreamTimeout`: with the phase `idle` for single bytes, `event` for keep-alives",
        (
            "faults/_async/test_silence.py::test_silence_in_the_body",
            "faults/_async/test_silence.py::test_signs_of_life_without_a_chunk",
            "_async/test_timeouts.py::test_a_flood_without_chunks",
        ),
    ),
    Row(
        8,
        "response headers that never end, or that arrive byte by byte",
        "`StreamTimeout` with the phase `start`",
        ("faults/_async/test_silence.py::test_a_head_that_never_ends",),
    ),
    Row(
        9,
        "a TLS handshake that is silent or slow, a connection attempt without an answer, a proxy "
        "that opens no tunnel",
        "`StreamTimeout` with the phase `start`",
        (
            "faults/_async/test_silence.py::test_a_slow_handshake",
            "faults/_async/test_silence.py::test_a_silent_handshake",
            "faults/_async/test_silence.py::test_a_black_hole",
            "faults/_async/test_silence.py::test_a_proxy_that_gives_no_tunnel",
            "faults/_async/test_socks.py::test_a_mute_proxy",
            "faults/_async/test_socks.py::test_a_proxy_that_talks_nonsense",
        ),
    ),
    Row(
        10,
        "a host name that is not found, or whose look-up hangs; a refused connection; a host with"
        " some addresses that refuse or never answer",
        "`StreamConnectionError` at once; `StreamTimeout` with the phase `start`; the next "
        "address is tried",
        (
            "faults/_async/test_silence.py::test_a_name_that_is_not_found",
            "faults/_async/test_silence.py::test_a_name_that_is_looked_up_for_ever",
            "faults/_async/test_silence.py::test_a_refused_connection",
            "flavour/test_resolver.py::test_a_failure",
            "flavour/test_happy_eyeballs.py::test_a_silent_address_gives_way",
            "flavour/test_happy_eyeballs.py::test_a_refusal_gives_way_at_once",
            "flavour/test_happy_eyeballs.py::test_all_have_failed",
        ),
    ),
    Row(
        11,
        "100, 103, a thousand interim responses",
        "they are skipped",
        (
            "faults/_async/test_answers.py::test_interim_responses",
            "faults/_async/test_limits.py::test_a_flood_of_interim_responses",
        ),
    ),
    Row(
        12,
        "status 204, an empty 200, no response at all",
        "no chunk and no error; an empty JSON or HTML response: `StreamDecodeError`; no response:"
        " `StreamConnectionError`, with `request_sent`",
        (
            "faults/_async/test_answers.py::test_an_empty_answer",
            "faults/_async/test_connections.py::test_a_tls_server_that_leaves_at_once",
            "faults/_async/test_connections.py::test_what_is_said_of_a_tls_server_that_leaves",
            "_async/test_stream.py::test_a_stream_without_chunks",
        ),
    ),
    Row(
        13,
        "401 to 504 with JSON in fal's format or another, broken JSON, an HTML page, an event "
        "stream",
        "`ApiError` with status, body, request id and type; the message has an excerpt of an HTML"
        " page",
        (
            "faults/_async/test_answers.py::test_an_error",
            "_async/test_errors.py::test_each_kind_of_error_body",
            "_async/test_errors.py::test_a_huge_error_body_is_read_to_a_limit",
            "faults/_async/test_limits.py::test_a_document_without_end",
            "faults/_async/test_limits.py::test_the_text_of_an_error_is_waited_for_a_little",
            "faults/_async/test_limits.py::test_a_nested_error_can_be_kept",
            "faults/_async/test_limits.py::test_messages_are_short_and_printable",
        ),
    ),
    Row(
        14,
        "`Retry-After` in seconds, as a date, invalid, negative, huge",
        "it is obeyed up to `max_delay`, and ignored if it is invalid; nothing is sent again "
        "after the first chunk",
        (
            "faults/_async/test_retry_after.py::test_each_form",
            "faults/_async/test_retry_after.py::test_a_wait_longer_than_the_limit_is_not_begun",
            "faults/_async/test_retry_after.py::test_never_after_the_first_chunk",
        ),
    ),
    Row(
        15,
        "status 200 with HTML or JSON",
        "`StreamDecodeError` with its beginning; `ApiError` if the JSON has a `detail`",
        ("faults/_async/test_answers.py::test_a_document",),
    ),
    Row(
        16,
        "a redirect within the origin, to another origin, from https to http, in a loop",
        "it is followed only within the origin; else `ApiError`, and no request is sent elsewhere",
        (
            "faults/_async/test_answers.py::test_a_redirect_within_the_origin",
            "faults/_async/test_answers.py::test_a_redirect_to_another_origin",
            "faults/_async/test_answers.py::test_redirects_in_a_circle",
            "_async/test_errors.py::test_another_origin_gets_no_request",
        ),
    ),
    Row(
        17,
        "a head of 200 KB, NUL in a header, HTTP/0.9, garbage, HTTP/2",
        "`StreamConnectionError`; a head of less than 100 KiB may have any number of fields",
        (
            "faults/_async/test_answers.py::test_no_http",
            "faults/_async/test_answers.py::test_many_short_headers",
        ),
    ),
    Row(
        18,
        "a stream in gzip, deflate, br or an unknown encoding; broken gzip; a decompression bomb",
        "no compression is requested; a compressed response raises `StreamDecodeError`, "
        "and nothing is decompressed, not even an error",
        (
            "faults/_async/test_answers.py::test_a_coded_stream",
            "faults/_async/test_answers.py::test_an_error_body_that_is_a_bomb",
            "faults/_async/test_answers.py::test_what_is_no_coding_is_identity",
            "faults/_async/test_floods.py::test_a_bomb_is_not_inflated",
        ),
    ),
    Row(
        19,
        "a charset other than UTF-8, bytes that are not UTF-8, a byte order mark",
        "always read as UTF-8; invalid bytes become U+FFFD; a byte order mark at the beginning is"
        " ignored",
        (
            "faults/_async/test_text.py::test_text_is_utf_8",
            "faults/_async/test_text.py::test_line_ends",
        ),
    ),
    Row(
        20,
        "an event of 100 MB, a line without end",
        "`EventTooLarge` at `max_event_bytes`, 64 MiB by default; at most three times that much "
        "memory is used",
        (
            "faults/_async/test_floods.py::test_an_event_that_is_too_large",
            "faults/_async/test_floods.py::test_an_event_that_just_fits",
            "faults/_async/test_floods.py::test_what_is_no_event_takes_no_memory",
        ),
    ),
    Row(
        21,
        "NUL, VT, FF, U+0085, U+2028 in the data; lines that end with CR",
        "only CR, LF and CRLF end a line",
        (
            "faults/_async/test_text.py::test_what_ends_no_line",
            "faults/_async/test_text.py::test_line_ends",
            "unit/test_sse_rules.py::test_it_gives_what_the_specification_says",
            "fuzz/test_fuzz.py::test_a_share",
        ),
    ),
    Row(
        22,
        "JSON of 100,000 levels, a number of 5,001 digits, truncated JSON; `NaN`, `Infinity`, lone "
        "surrogates",
        "`StreamDecodeError` with text and index; `NaN`, `Infinity` and surrogates as in Python",
        (
            "faults/_async/test_text.py::test_bad_json",
            "faults/_async/test_limits.py::test_the_place_of_a_mismatch_is_short",
            "faults/_async/test_text.py::test_json_as_python_writes_it",
        ),
    ),
    Row(
        23,
        "a server that sends faster than the consumer reads",
        "the server has to wait, the memory stays small, and no timeout runs out meanwhile",
        (
            "faults/_async/test_floods.py::test_a_slow_consumer_of_a_flood",
            "_async/test_timeouts.py::test_a_slow_consumer_trips_no_limit",
        ),
    ),
    Row(
        24,
        "events that are cut at any byte, many events in one read",
        "the events are the same",
        (
            "faults/_async/test_text.py::test_cut_at_each_byte",
            "faults/_async/test_text.py::test_byte_by_byte_and_at_once",
            "faults/_async/test_text.py::test_many_events_in_one_read",
        ),
    ),
    Row(
        25,
        "data after the last chunk, or after the end; a connection that the server keeps open",
        "with `is_final` the stream ends at once; data after the end is never read as a response",
        (
            "faults/_async/test_connections.py::test_the_last_chunk_ends_a_stream_that_stays_open",
            "faults/_async/test_connections.py::test_what_follows_the_end_is_no_answer",
            (
                "faults/_async/test_connections.py::"
                "test_what_follows_the_end_while_the_connection_stays_open"
            ),
        ),
    ),
    Row(
        26,
        "a response before the body of the request was read; a body that the server never reads",
        "the response counts; `StreamTimeout` with the phase `start`",
        (
            "faults/_async/test_connections.py::test_an_answer_before_the_request_is_read",
            "_async/test_timeouts.py::test_start_timeout_of_an_upload_that_nobody_reads",
            "_async/test_timeouts.py::test_start_timeout_of_an_upload_over_tls",
        ),
    ),
    Row(
        27,
        "a reused connection that the server has closed",
        "the request is sent again only if none of its bytes was sent",
        (
            "faults/_async/test_connections.py::test_a_stale_connection_is_replaced",
            "faults/_async/test_connections.py::test_a_request_that_was_sent_is_not_sent_again",
        ),
    ),
    Row(
        28,
        "an abort at any moment: before the start, in a DNS look-up, connecting, in TLS, in a "
        "tunnel, sending, uploading, getting a token, before the response head, in the body, on a"
        " reused connection, before a retry, after the end, twice; from a thread, a task, a "
        "listener, a signal handler, a finalizer, by the user's signal",
        "the stream ends without an error, the server notices the disconnect, and the client "
        "still works",
        (
            "_async/test_abort.py::test_before_the_start",
            "latency/test_phases.py::test_blocking",
            "latency/test_phases.py::test_asyncio",
            "latency/test_phases.py::test_trio",
            "flavour/test_reentry.py::test_at_each_step_of_a_wait",
            "flavour/test_reentry.py::test_at_random_steps_of_a_stream",
            "_async/test_abort.py::test_after_the_end",
            "_async/test_abort.py::test_twice",
            "_async/test_abort.py::test_in_a_listener",
            "_async/test_abort.py::test_from_a_signal_handler",
            "faults/_async/test_aborts.py::test_from_a_finalizer",
            "faults/_async/test_aborts.py::test_from_a_finalizer_of_its_own_reader",
        ),
    ),
    Row(
        29,
        "many threads or tasks on one client, each aborting its stream near its end",
        "no other stream is affected",
        (
            "faults/test_crowds.py::test_threads_that_abort_at_the_natural_end",
            "faults/test_crowds.py::test_tasks_that_abort_at_the_natural_end",
            "flavour/test_idle_connection_race.py::test_a_connection_that_was_given_is_left_alone",
        ),
    ),
    Row(
        30,
        "Ctrl-C during a wait",
        "`KeyboardInterrupt`, and the connection is closed",
        ("flavour/test_interrupt.py::test_ctrl_c",),
    ),
    Row(
        31,
        "a task that is cancelled once, twice, eight times; `wait_for` and `timeout` of asyncio, "
        "cancel scopes of anyio and trio",
        "the connection is closed, and the client still works",
        (
            "flavour/test_cancellation.py::test_before_the_head",
            "flavour/test_cancellation.py::test_while_connecting",
            "flavour/test_cancellation.py::test_in_the_tls_handshake",
            "flavour/test_cancellation.py::test_while_sending",
            "flavour/test_cancellation.py::test_in_the_body",
            "flavour/test_cancellation.py::test_at_each_turn_of_the_loop",
            "flavour/test_cancellation.py::test_at_the_natural_end",
            "flavour/test_cancellation.py::test_wait_for_around_a_chunk",
            "flavour/test_cancellation.py::test_a_timeout_of_asyncio",
            "flavour/test_cancellation.py::test_a_cancel_scope_of_anyio",
            "flavour/test_trio.py::test_before_the_head",
            "flavour/test_trio.py::test_while_connecting",
            "flavour/test_trio.py::test_a_server_that_reads_nothing",
            "flavour/test_trio.py::test_in_the_body",
            "flavour/test_trio.py::test_at_each_step",
        ),
    ),
    Row(
        32,
        "a running stream is garbage-collected",
        "the connection is closed, with a `ResourceWarning`",
        (
            "_async/test_lifetime.py::test_a_dropped_stream_warns_and_frees_its_connection",
            "_async/test_lifetime.py::test_streams_dropped_in_a_cycle",
            "_async/test_lifetime.py::test_streams_dropped_in_another_thread",
            "_async/test_lifetime.py::test_with_closes_on_break",
        ),
    ),
    Row(
        33,
        "a fork after use; one client in several event loops; the end of a program while it reads",
        "all work, and the program ends without an error",
        (
            "flavour/test_fork.py::test_each_process_gets_its_own_answers",
            "flavour/test_fork.py::test_a_child_does_not_end_the_streams_of_its_parent",
            "flavour/test_loops.py::test_a_client_goes_from_loop_to_loop",
            "flavour/test_loops.py::test_a_loop_that_was_left_without_an_end",
            "flavour/test_trio.py::test_a_client_goes_from_run_to_run",
            "flavour/test_trio.py::test_a_stream_that_was_running_when_its_run_ended",
            "faults/test_processes.py::test_the_end_of_a_program_with_a_reader_at_work",
        ),
    ),
    Row(
        34,
        "a wall clock that jumps; a process that was suspended while data arrived",
        "no timeout runs out because of that",
        (
            "faults/_async/test_clocks.py::test_no_limit_goes_by_the_wall_clock",
            "faults/_async/test_clocks.py::test_no_token_goes_by_the_wall_clock",
            "faults/test_processes.py::test_a_process_that_was_stopped",
            "unit/test_watchdog.py::test_what_arrived_during_a_suspension_is_looked_at_once",
        ),
    ),
    Row(
        35,
        "a certificate that has expired, is for another host, or is self-signed",
        "`StreamConnectionError` that says which; it is not retried",
        ("faults/_async/test_certificates.py::test_a_bad_certificate",),
    ),
    Row(
        36,
        "a key with quotes, a line end, NUL, a space or a non-ASCII letter in it; an endpoint id "
        "that would leave its path or change the host",
        "`ConfigError`; neither the error nor the variables of its traceback contain the key; "
        "nothing is sent",
        (
            "faults/_async/test_refusals.py::test_a_bad_key",
            "_async/test_keys.py::test_a_refused_key_is_shown_nowhere",
            "faults/_async/test_refusals.py::test_a_bad_endpoint_id",
            "unit/test_endpoint.py::test_no_text_can_change_the_host_or_climb",
        ),
    ),
    Row(
        37,
        "a token provider that returns None, 123, an empty text or 100 KB, raises or hangs",
        "`TokenError`; `StreamTimeout` with the phase `start`",
        (
            "faults/_async/test_refusals.py::test_a_provider_that_gives_no_token",
            "faults/_async/test_limits.py::test_an_answer_of_fals_that_is_too_large",
            "faults/_async/test_refusals.py::test_a_provider_that_raises_or_hangs",
        ),
    ),
    Row(
        38,
        "a listener that raises an exception",
        "it is logged by the logger `fal_stream`, and the stream goes on",
        ("faults/_async/test_refusals.py::test_listeners_that_raise",),
    ),
    Row(
        39,
        "messages, reprs, logs at any level, tracebacks and pickles",
        "they contain no key, no token, and no signature of an upload",
        (
            "faults/_async/test_secrets.py::test_streams_show_no_secret",
            "faults/_async/test_secrets.py::test_an_http_client_of_ones_own_shows_no_secret",
            "faults/_async/test_secrets.py::test_uploads_show_no_secret",
            "faults/_async/test_secrets.py::test_bad_upload_addresses_are_not_shown",
            "faults/_async/test_secrets.py::test_failed_connections_show_no_secret",
            "faults/_async/test_socks.py::test_no_log_shows_the_password",
            "faults/_async/test_secrets.py::test_what_is_dropped_or_aborted_shows_no_secret",
            "faults/_async/test_repeats.py::test_a_secret_that_the_server_repeats",
            "faults/_async/test_repeats.py::test_a_secret_that_the_server_repeats_in_another_form",
            "faults/_async/test_repeats.py::test_a_signature_that_the_storage_repeats",
            "faults/_async/test_secrets.py::test_a_planted_secret_is_found",
            "flavour/test_debugging.py::test_asyncio_in_debug_mode",
            "flavour/test_debugging.py::test_a_process_in_development_mode",
            "unit/test_credentials.py::test_nothing_shows_what_is_held",
            "unit/test_credentials.py::test_no_pickle_holds_it",
            "faults/test_captured_output.py::test_a_planted_secret_fails_the_test",
        ),
    ),
)
