// A scenario as the rest of replay sees it: checked, units in the names, and for every expectation the place in the file
// where it stands. load.ts makes it from YAML; nothing else does.

import type { Range } from '../../../config/formats.ts';
import type { ValueOf, Values } from '../../../config/keys/key.ts';
import type { SourcePlace } from '../../../config/source/problem.ts';
import type { Tree } from '../../../config/source/value.ts';
import type { SCENARIO_SECTIONS } from './keys.ts';

export interface Scenario {
  readonly file: string;
  readonly name: string;
  /** Where relative paths start. */
  readonly folder: string;
  /** The file's text, for `--update`. */
  readonly source: string;
  readonly speed: number | undefined;
  readonly config: ConfigSource | undefined;
  readonly nodes: readonly NodeStep[];
  readonly senders: readonly ScenarioSender[];
  readonly steps: readonly Step[];
  readonly expect: FinalExpectation;
}

/** Part of this file, or a file of its own. */
export type ConfigSource =
  | { readonly kind: 'tree'; readonly tree: Tree; readonly place: SourcePlace }
  | { readonly kind: 'file'; readonly file: string; readonly place: SourcePlace };

type SenderValues = Values<typeof SCENARIO_SECTIONS.sender>;

/** `listener` undefined: the first. */
export interface ScenarioSender extends Omit<SenderValues, 'rate'> {
  readonly name: string;
  readonly place: SourcePlace;
  readonly certificate: SenderCertificate | undefined;
  readonly perSecond: number | undefined;
  readonly headers: ReadonlyMap<string, string>;
}

export type SenderCertificate =
  | { readonly kind: 'throw-away'; readonly cn: string; readonly dns: readonly string[] }
  | { readonly kind: 'files'; readonly cert: string; readonly key: string };

/** `messages` undefined: until it is told otherwise. */
export type Behaviour = Values<typeof SCENARIO_SECTIONS.node>;
export type Doing = Behaviour['does'];

interface StepBase {
  readonly place: SourcePlace;
  /** `steps[2]`, and where in the document. */
  readonly key: string;
  readonly index: number;
}

export interface NodeStep extends StepBase {
  readonly kind: 'node';
  readonly nodes: readonly string[];
  readonly behaviour: Behaviour;
}

export interface SendStep extends StepBase {
  readonly kind: 'send';
  readonly sender: string | undefined;
  readonly messages: readonly OutgoingMessage[];
  readonly together: boolean;
  readonly halfClose: boolean;
  readonly cutOff: number | undefined;
  readonly background: boolean;
  readonly expect: Expectations;
}

/** A message, and what people know it by: its file and MSH-10. */
export interface OutgoingMessage {
  readonly label: string;
  readonly payload: Buffer;
}

export interface RequestStep extends StepBase {
  readonly kind: 'request';
  readonly sender: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string | undefined;
  readonly times: number;
  readonly background: boolean;
  readonly expect: Expectations;
}

export type Step =
  | SendStep
  | RequestStep
  | NodeStep
  | (StepBase & { readonly kind: 'wait'; readonly ms: number | 'answers' })
  | (StepBase & {
      readonly kind: 'kill' | 'start' | 'drain' | 'maintenance' | 'ready';
      readonly nodes: readonly string[];
    })
  | (StepBase & { readonly kind: 'disconnect'; readonly senders: readonly string[] })
  | (StepBase & {
      readonly kind: 'reload';
      readonly config: ConfigSource;
      readonly changes: Expected<readonly string[]> | undefined;
    });

/** `['steps', 2, 'expect', 'ack']`. */
export type ExpectedPath = readonly (string | number)[];

/** A value with the place where it stands, and the way to it in the YAML document. */
export interface Expected<Value> {
  readonly value: Value;
  readonly place: SourcePlace;
  readonly path: ExpectedPath;
}

export interface Expectations {
  /** A list was given: the nth is of the nth message. */
  readonly each: boolean;
  readonly all: readonly MessageExpectation[];
}

type MessageKeys = typeof SCENARIO_SECTIONS.message;

/** Of each key that has a value of its own, what the file says. */
type ExpectedValues = {
  readonly [Key in keyof MessageKeys as [ValueOf<MessageKeys[Key]>] extends [never | undefined]
    ? never
    : Key]?: Expected<Exclude<ValueOf<MessageKeys[Key]>, undefined>>;
};

export interface MessageExpectation extends ExpectedValues {
  readonly place: SourcePlace;
  readonly path: ExpectedPath;
  readonly node?: Expected<readonly string[]>;
  readonly trace?: Expected<readonly string[]>;
  readonly fields?: readonly (Expected<string> & { readonly name: string })[];
  readonly headers?: readonly (Expected<string> & { readonly name: string })[];
}

export interface FinalExpectation {
  readonly deliveries: readonly (Expected<Range> & { readonly name: string })[];
  readonly order: Expected<'sent'> | undefined;
  readonly states: readonly (Expected<string> & { readonly name: string })[];
  readonly faults: Expected<readonly string[]> | undefined;
}
