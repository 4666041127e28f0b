// Where something came from that never became a message or a request, or that ended a sender's connection.
import type { Peer } from '../../routing/message-view.ts';
import type { Header } from '../hl7/header.ts';

export interface FaultOrigin {
  readonly listener: string;
  readonly protocol: 'mllp' | 'http';
  readonly peer: Peer | undefined;
  readonly header: Header | undefined;
}
