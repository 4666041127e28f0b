// Who may speak for whom: binds a sender's TLS identity (or address) to what it may send.
import type { AllowRule, Condition } from '../src/config/config.ts';
import { compileCondition } from './condition.ts';
import type { MessageView } from './message-view.ts';

export class SenderPolicy {
  /** All that it looks at. */
  readonly conditions: readonly Condition[];
  readonly #rules: readonly (readonly ((view: MessageView) => boolean)[])[];

  constructor(rules: readonly AllowRule[]) {
    this.conditions = rules.flat();
    this.#rules = rules.map((conditions) => conditions.map((condition) => compileCondition(condition)));
  }

  /** All conditions of at least one rule hold. */
  permits(view: MessageView): boolean {
    return this.#rules.some((conditions) => conditions.every((holds) => holds(view)));
  }
}
