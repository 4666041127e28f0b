// What a check finds wrong. Promises: the list of all rules, each with what it means.

export const RULES = {
  'ack-unbacked': 'a positive answer that no node had given to that message by then, byte for byte',
  'ack-not-outstanding': 'an answer to nothing that waited for one on that connection',
  'ack-out-of-order': 'an answer that overtook another of its connection',
  'ack-twice': 'a message answered twice on one connection',
  'ack-foreign': 'a negative answer that neither a node nor the config made',
  'application-foreign':
    'an application acknowledgement that no node wrote to a message of that sender, or one passed on twice',
  'unavailable-delivered': 'a status that says that no node has the message, and one had it',
  'refused-status': 'a status other than those for nodes that do not answer',
  'answer-held': 'an answer that the gateway had, and held back',
  'message-held': 'a message that the gateway held back, with nothing to wait for',
  'answer-lost':
    'the gateway ended a connection whose message was with a node that was well, and answered it',
  'application-lost': 'an application acknowledgement to a sender that was there, and did not get it',
  'sender-kept': 'a sender that stands still beyond a limit was not ended',
  'sender-cut': 'a sender was ended for standing still, and had not, or not for so long',
  'answer-noise': 'bytes to a sender that are no frame',
  'answer-overdue': 'a message neither answered nor its connection closed for a long time',
  'sender-reset': 'the gateway reset a sender’s connection',
  'never-answered': 'a sender could not get an answer to all of its messages, with every node well again',
  'not-sent': 'a node got a message that nobody had sent whole by then',
  altered: 'a node got other bytes under the control id of a message that was sent',
  'invalid-delivered': 'a node got a message that breaks a rule of its route',
  'wrong-route': 'a node got a message that is routed to others',
  'not-sticky': 'a sender’s node changed, with both nodes well',
  weights: 'nodes did not get their shares',
  'backup-used': 'a backup got a message with another node well',
  'taken-out-used': 'a node that an operator had taken out got a message',
  'down-used': 'a node that was down got a message beside the one that it was tried with',
  'node-blamed': 'a node was taken for down that was well',
  'not-recovered': 'not all was as before, long after the last disturbance',
  'beyond-bound': 'more of something than the config allows',
  'left-over': 'messages, bytes or timers that the gateway holds at its end',
  'web-response': 'a response, or what came out of a tunnel, is not what belongs to the request',
  'web-unanswered': 'a request without a response, from a client that waited for it',
  'node-noise': 'bytes to a node that are no frame',
  duplicate: 'a message was delivered more often than it was sent, and not by what the policy allows',
  'other-node': 'a message was sent again to another node than the policy allows',
  order: 'a message was delivered before one that its sender had sent before it',
  'key-overlap': 'two messages of one sticky key with nodes at the same time',
  'connection-reused': 'a message on a connection to a node on which too many answers were missing',
  descriptors: 'the gateway holds more descriptors than at the start',
  memory: 'the gateway holds more memory than at the start',
  reload: 'a wrong config changed something, or a good one nothing',
  accounts: 'the gateway’s log, its metrics and what its senders got differ',
  spans: 'the spans of the gateway differ from its log, or from what nodes and senders have on record',
  uncaught: 'an error of the gateway that nobody had caught',
  exit: 'the gateway did not end well, or said that it failed',
} as const;

export type Rule = keyof typeof RULES;

export interface Violation {
  readonly rule: Rule;
  /** Where to look: names, connections, control ids, times as in the logs. */
  readonly text: string;
}
