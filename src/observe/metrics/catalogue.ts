// Every metric of the gateway, in one table: what it is called, its labels, its unit, what it says. docs/metrics.md lists
// the same ones; test/observe/metrics/gateway/documentation.test.ts holds the two and a running gateway together.

export type MetricKind = 'counter' | 'gauge' | 'histogram';

export interface MetricInfo {
  readonly kind: MetricKind;
  /** UCUM, as OTLP wants it; `1`: a count, or none. */
  readonly unit: 's' | 'By' | '1';
  readonly labels: readonly string[];
  readonly help: string;
}

function row(kind: MetricKind, unit: MetricInfo['unit'], labels: string, help: string): MetricInfo {
  return { kind, unit, labels: labels === '' ? [] : labels.split(' '), help };
}

export const METRICS = {
  // Messages and requests
  hl7_gateway_messages_total: row(
    'counter',
    '1',
    'listener route pool node outcome',
    'Messages that are over, by what came of them.',
  ),
  hl7_gateway_ack_seconds: row(
    'histogram',
    's',
    'pool node',
    'From the last byte written to a node to its acknowledgement.',
  ),
  hl7_gateway_message_seconds: row(
    'histogram',
    's',
    'listener pool',
    'From a message received whole to its outcome: waiting, dialling and retries included.',
  ),
  hl7_gateway_batches_total: row(
    'counter',
    '1',
    'listener outcome',
    'Batches that were split; their messages are counted by themselves.',
  ),
  hl7_gateway_failures_total: row(
    'counter',
    '1',
    'listener pool code',
    'Messages and requests without an answer of a node, and connections passed on that broke, by error code.',
  ),
  hl7_gateway_retries_total: row(
    'counter',
    '1',
    'class',
    'Further attempts after one that failed: not_sent or ambiguous.',
  ),
  hl7_gateway_http_requests_total: row(
    'counter',
    '1',
    'listener route pool node status',
    'Proxied HTTP requests that are over, by the class of their status.',
  ),
  hl7_gateway_http_request_seconds: row(
    'histogram',
    's',
    'pool node',
    'From a proxied request received to the end of its response.',
  ),

  hl7_gateway_tcp_connections_total: row(
    'counter',
    '1',
    'listener route pool node end',
    'Connections passed on that are over, by whose end came first (sender, node, gateway), or refused: no node had it.',
  ),
  hl7_gateway_tcp_bytes_total: row(
    'counter',
    'By',
    'listener route pool node to',
    'Bytes passed on to the node or to the sender, those of open connections included.',
  ),
  hl7_gateway_tcp_connection_seconds: row(
    'histogram',
    's',
    'pool node',
    'From a connection accepted to the end of both sides, where a node had it.',
  ),

  // Senders
  hl7_gateway_sender_connections: row('gauge', '1', 'listener', 'Connections of senders and clients.'),
  hl7_gateway_sender_faults_total: row(
    'counter',
    '1',
    'listener code',
    'What senders did that never became a message, or ended their connection, by error code.',
  ),
  hl7_gateway_frames_rejected_total: row(
    'counter',
    '1',
    'reason',
    'Frames and bytes that could not become a message, by error code.',
  ),
  hl7_gateway_connections_refused_total: row(
    'counter',
    '1',
    'listener reason',
    'Connections that were closed before their first message, by error code.',
  ),
  hl7_gateway_tls_handshake_failures_total: row(
    'counter',
    '1',
    'listener reason',
    'TLS handshakes with senders that failed: certificate, protocol, timeout or other.',
  ),
  hl7_gateway_skipped_bytes_total: row('counter', 'By', 'listener', 'Bytes outside of any MLLP frame.'),
  hl7_gateway_empty_frames_total: row('counter', '1', 'listener', 'MLLP frames without content.'),
  hl7_gateway_held_bytes: row('gauge', 'By', '', 'Bytes of messages that are held for their answers.'),
  hl7_gateway_held_bytes_limit: row(
    'gauge',
    'By',
    '',
    'limits.maxBuffered: above it listeners stop reading.',
  ),
  hl7_gateway_frame_memory_bytes: row('gauge', 'By', '', 'Memory that large MLLP frames lie in.'),
  hl7_gateway_frame_memory_free_bytes: row(
    'gauge',
    'By',
    '',
    'Memory that is kept for large MLLP frames to come, 64 MiB at most.',
  ),

  // Pools and nodes
  hl7_gateway_queued: row('gauge', '1', 'pool', 'Messages, requests and connections that wait for a node.'),
  hl7_gateway_queue_limit: row('gauge', '1', 'pool', 'queue.max: more are refused.'),
  hl7_gateway_discoveries_total: row(
    'counter',
    '1',
    'pool result',
    'Look-ups of nodes (discover): nodes were found, it failed, or the answer was empty.',
  ),
  hl7_gateway_discovered_nodes: row('gauge', '1', 'pool', 'Nodes that were discovered.'),
  hl7_gateway_discovery_age_seconds: row(
    'gauge',
    's',
    'pool',
    'Since a name server last answered with nodes; none before the first time, and none for a file.',
  ),
  hl7_gateway_node_up: row(
    'gauge',
    '1',
    'pool node',
    '1: it may be given messages (state up, full or draining).',
  ),
  hl7_gateway_node_state: row('gauge', '1', 'pool node state', '1 at the state that the node is in.'),
  hl7_gateway_node_weight: row(
    'gauge',
    '1',
    'pool node',
    'The weight in force; less than configured in a slow start.',
  ),
  hl7_gateway_in_flight: row(
    'gauge',
    '1',
    'pool node',
    'Messages, requests and connections that are with the node.',
  ),
  hl7_gateway_connections: row('gauge', '1', 'pool node', 'Connections to the node.'),
  hl7_gateway_node_answers_total: row(
    'counter',
    '1',
    'pool node code',
    'Answers of the node, by MSA-1; none: no answer was due, other: an answer without a code.',
  ),
  hl7_gateway_node_failures_total: row(
    'counter',
    '1',
    'pool node code',
    'Messages that failed at the node, by error code.',
  ),
  hl7_gateway_node_checks_total: row(
    'counter',
    '1',
    'pool node result',
    'Health checks: passed, full, failed or unknown.',
  ),
  hl7_gateway_node_ejections_total: row(
    'counter',
    '1',
    'pool node',
    'How often the node was left out for what messages met there.',
  ),
  hl7_gateway_node_stray_answers_total: row(
    'counter',
    '1',
    'pool node',
    'Answers of the node that belong to no message.',
  ),

  // Parsing
  hl7_gateway_parse_queue: row('gauge', '1', '', 'Messages that wait for a parse worker.'),
  hl7_gateway_parse_queue_limit: row(
    'gauge',
    '1',
    '',
    'parsing.queue: from here on senders are not read any further.',
  ),
  hl7_gateway_parse_running: row('gauge', '1', '', 'Parse workers that are busy.'),
  hl7_gateway_parse_workers: row('gauge', '1', '', 'Parse workers at most.'),
  hl7_gateway_parse_messages_total: row(
    'counter',
    '1',
    'way',
    'Messages read on the event loop alone (inline), and those that the workers were asked about (offloaded).',
  ),
  hl7_gateway_parse_tasks_total: row(
    'counter',
    '1',
    'result',
    'Tasks of the parse workers: done, failed, timed_out, or lost with their worker.',
  ),
  hl7_gateway_parse_inline_limit_bytes: row(
    'gauge',
    'By',
    '',
    'The size above which messages are offloaded; +Inf: none is, -1: all are.',
  ),

  // The gateway itself
  hl7_gateway_build_info: row('gauge', '1', 'version node_version', 'Always 1.'),
  hl7_gateway_workers: row('gauge', '1', '', 'Processes that carry messages and run.'),
  hl7_gateway_worker_restarts_total: row(
    'counter',
    '1',
    '',
    'Processes that carry messages and were started again after their end.',
  ),
  hl7_gateway_draining: row('gauge', '1', '', '1: the gateway takes no new connections and ends.'),
  hl7_gateway_config_reloads_total: row(
    'counter',
    '1',
    'result',
    'Reloads of the config file: ok or failed.',
  ),
  hl7_gateway_config_last_reload_successful: row(
    'gauge',
    '1',
    '',
    '0: the last reload failed, and the config before it is in force.',
  ),
  hl7_gateway_state_stored: row(
    'gauge',
    '1',
    '',
    '0: what an operator decided could not be written to the state file.',
  ),
  hl7_gateway_cluster_info: row(
    'gauge',
    '1',
    'cluster member config',
    'Always 1; config is the same for members whose configs say the same. These four only with cluster.',
  ),
  hl7_gateway_cluster_fit: row(
    'gauge',
    '1',
    '',
    '1: keepalived is told that this member is fit to have the VIPs.',
  ),
  hl7_gateway_vip_held: row('gauge', '1', 'cluster vip', '1: this machine has the VIP.'),
  hl7_gateway_vip_since_seconds: row(
    'gauge',
    's',
    'cluster vip',
    'Since when that is so, in seconds since 1970; as far as this process has seen.',
  ),
  hl7_gateway_shared_state_connected: row(
    'gauge',
    '1',
    '',
    '1: NATS is there. These six only with cluster.state.',
  ),
  hl7_gateway_shared_state_away: row('gauge', '1', 'reason', 'Always 1, and only while NATS is away: why.'),
  hl7_gateway_shared_state_queued: row(
    'gauge',
    '1',
    '',
    'Decisions and senders that wait to be written to NATS.',
  ),
  hl7_gateway_shared_state_revision: row(
    'gauge',
    '1',
    'bucket',
    'The last revision seen in a bucket: decisions or senders. The same at all members.',
  ),
  hl7_gateway_shared_state_writes_total: row(
    'counter',
    '1',
    'result',
    'Writes to NATS: stored, failed (tried again), or dropped as too many waited.',
  ),
  hl7_gateway_shared_state_reconciled_total: row(
    'counter',
    '1',
    'result',
    'Decisions made while NATS was away, when it was back: written, or yielded to what was stored meanwhile; and dropped: those of others that do not fit the config.',
  ),
  hl7_gateway_duplicates_total: row(
    'counter',
    '1',
    'pool result',
    'Messages that came again: answered, as the first was; forwarded, as the config says; other_bytes, the same fields with other bytes, which were sent. Only with duplicates.',
  ),
  hl7_gateway_spool_messages: row(
    'gauge',
    '1',
    'pool state',
    'Messages that a pool has stored: waiting, dead (letters that wait for a person) or delivered (kept). These five only with a spool.',
  ),
  hl7_gateway_spool_bytes: row('gauge', 'By', 'pool', 'Bytes of those messages.'),
  hl7_gateway_spool_oldest_seconds: row(
    'gauge',
    's',
    'pool',
    'How long the oldest waiting message has been stored; 0: none waits.',
  ),
  hl7_gateway_spool_store_bytes: row('gauge', 'By', 'path', 'What a store of spools takes on the disk.'),
  hl7_gateway_spool_store_bytes_limit: row('gauge', 'By', 'path', 'The same at most: spool.store.maxSize.'),
  hl7_gateway_certificate_expiry_seconds: row(
    'gauge',
    's',
    'where subject',
    'How long a certificate in use is still good; negative once it has ended.',
  ),
  hl7_gateway_spans_total: row('counter', '1', 'result', 'Spans of traces: exported or dropped.'),
  hl7_gateway_audit_events_total: row('counter', '1', 'result', 'Audit events: written or dropped.'),
  hl7_gateway_audit_queued: row('gauge', '1', '', 'Audit events that wait to be written.'),
  hl7_gateway_log_lines_dropped_total: row(
    'counter',
    '1',
    'reason',
    'Lines of the log that were dropped: nobody read them in time (slow), or writing them failed (failed).',
  ),
  hl7_gateway_metrics_pushes_total: row('counter', '1', 'result', 'Pushes of metrics by OTLP: ok or failed.'),

  // The process
  process_cpu_seconds_total: row('counter', 's', '', 'CPU time, user and system.'),
  process_cpu_user_seconds_total: row('counter', 's', '', 'CPU time in user mode.'),
  process_cpu_system_seconds_total: row('counter', 's', '', 'CPU time in the kernel.'),
  process_resident_memory_bytes: row('gauge', 'By', '', 'Memory in RAM.'),
  process_start_time_seconds: row('gauge', 's', '', 'When the process began, in seconds since 1970.'),
  process_open_fds: row('gauge', '1', '', 'Open file descriptors. Linux only.'),
  process_max_fds: row('gauge', '1', '', 'Most file descriptors that may be open. Linux only.'),
  nodejs_eventloop_lag_seconds: row(
    'gauge',
    's',
    '',
    'How late a turn of the event loop was when this was asked for.',
  ),
  nodejs_eventloop_lag_mean_seconds: row(
    'gauge',
    's',
    '',
    'Mean delay of the event loop over the last 10 s or more.',
  ),
  nodejs_eventloop_lag_max_seconds: row('gauge', 's', '', 'The longest of them.'),
  nodejs_eventloop_lag_p50_seconds: row('gauge', 's', '', 'The median of them.'),
  nodejs_eventloop_lag_p99_seconds: row('gauge', 's', '', '99 of 100 were shorter.'),
  nodejs_eventloop_utilization: row(
    'gauge',
    '1',
    '',
    'Share of time in which the event loop was busy, over the same time.',
  ),
  nodejs_heap_size_total_bytes: row('gauge', 'By', '', 'JavaScript heap, as allocated.'),
  nodejs_heap_size_used_bytes: row('gauge', 'By', '', 'JavaScript heap, as used.'),
  nodejs_external_memory_bytes: row(
    'gauge',
    'By',
    '',
    'Memory outside of the heap that belongs to JavaScript.',
  ),
  nodejs_array_buffers_bytes: row('gauge', 'By', '', 'Of that, buffers: messages are among them.'),
  nodejs_gc_duration_seconds: row('histogram', 's', 'kind', 'Pauses for garbage collection.'),
} as const satisfies Record<string, MetricInfo>;

export type MetricName = keyof typeof METRICS;
