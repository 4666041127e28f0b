// A route in words: what it looks for, and what it does.
import type { RouteConfig, ValueTest } from '../../config/config.ts';
import type { RouteReport } from '../control.ts';

export function actionOf({ action }: RouteConfig): Pick<RouteReport, 'to' | 'reject'> {
  return action.kind === 'pool' ? { to: action.pool } : { reject: { code: action.code, text: action.text } };
}

export function testInWords(test: ValueTest): string {
  switch (test.kind) {
    case 'equals':
      return test.value;
    case 'any':
      return test.tests.map(testInWords).join(' or ');
    case 'not':
      return `not ${testInWords(test.test)}`;
    case 'exists':
      return test.exists ? 'is there' : 'is empty';
    case 'regex':
      return `/${test.source}/${test.flags}`;
    case 'cidr':
      return test.range;
  }
}
