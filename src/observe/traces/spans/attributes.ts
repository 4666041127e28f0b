// The attributes of spans: OpenTelemetry's semantic conventions where they have a name for it, `hl7.` for what a message's
// header says, `gateway.` for the rest. docs/tracing.md lists them.
import { attributeKey } from '../../otlp/proto-writer.ts';

export const CLIENT_ADDRESS = attributeKey('client.address');
export const CLIENT_PORT = attributeKey('client.port');
export const SERVER_ADDRESS = attributeKey('server.address');
export const SERVER_PORT = attributeKey('server.port');
/** The node, for whoever draws a map of services: by the name of today, and by the one that Jaeger and others still go by. */
export const SERVICE_PEER = attributeKey('service.peer.name');
export const PEER_SERVICE = attributeKey('peer.service');
export const TRANSPORT = attributeKey('network.transport');
export const PROTOCOL = attributeKey('network.protocol.name');
export const PROTOCOL_VERSION = attributeKey('network.protocol.version');
export const TLS = attributeKey('tls.established');
export const TLS_CLIENT = attributeKey('tls.client.hash.sha256');
export const METHOD = attributeKey('http.request.method');
export const SCHEME = attributeKey('url.scheme');
export const REQUEST_SIZE = attributeKey('http.request.body.size');
export const STATUS = attributeKey('http.response.status_code');
export const RESPONSE_SIZE = attributeKey('http.response.body.size');

export const MESSAGE_TYPE = attributeKey('hl7.message.type');
export const MESSAGE_STRUCTURE = attributeKey('hl7.message.structure');
export const CONTROL_ID = attributeKey('hl7.message.control_id');
export const VERSION = attributeKey('hl7.version');
export const SENDING_APPLICATION = attributeKey('hl7.sending.application');
export const SENDING_FACILITY = attributeKey('hl7.sending.facility');
export const RECEIVING_APPLICATION = attributeKey('hl7.receiving.application');
export const RECEIVING_FACILITY = attributeKey('hl7.receiving.facility');
export const ACK_CODE = attributeKey('hl7.ack.code');

export const LISTENER = attributeKey('gateway.listener');
export const ROUTE = attributeKey('gateway.route');
export const POOL = attributeKey('gateway.pool');
export const NODE = attributeKey('gateway.node');
export const NODE_CHOICE = attributeKey('gateway.node.choice');
export const ATTEMPT = attributeKey('gateway.attempt');
/** Of one span that tells of several. */
export const ATTEMPT_COUNT = attributeKey('gateway.attempt.count');
export const ATTEMPTS = attributeKey('gateway.attempts');
export const OUTCOME = attributeKey('gateway.outcome');
export const REPLY = attributeKey('gateway.reply');
export const STICKY_KEY = attributeKey('gateway.sticky.key');
export const AMBIGUOUS = attributeKey('gateway.ambiguous');
export const UPGRADED = attributeKey('gateway.upgraded');
export const MESSAGE_SIZE = attributeKey('gateway.message.size');
/** It was read in a thread of its own; how long it waited for one, in milliseconds. */
export const PARSE_WORKER = attributeKey('gateway.parse.worker');
export const PARSE_WAIT = attributeKey('gateway.parse.wait_ms');
export const BATCH_SIZE = attributeKey('gateway.batch.size');
export const BATCH_POSITION = attributeKey('gateway.batch.position');
export const BATCH_CONTROL_ID = attributeKey('gateway.batch.control_id');
/** Of a connection that is passed on. */
export const BYTES_TO_NODE = attributeKey('gateway.bytes.to_node');
export const BYTES_TO_SENDER = attributeKey('gateway.bytes.to_sender');
export const ENDED_BY = attributeKey('gateway.ended_by');
export const LINK = attributeKey('gateway.link');
