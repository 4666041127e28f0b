// `drain`, `maintenance`, `ready` and `weight` with `--all`: the same for a node of every member of a cluster. Promises that nothing
// is done anywhere where the command itself is wrong, and that of each member it is said whether it was done there.
import { asGatewayError, GatewayError } from '../../errors.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { AdminClient } from './admin-client.ts';
import { type ClusterMember, membersOf } from './member-targets.ts';
import {
  askForChange,
  type ChangeOptions,
  type NamedNode,
  type NodeChange,
  nodeLine,
  nodeNamed,
  poolOf,
} from './node-state.ts';

/** What became of it on one member. */
type Outcome =
  | { readonly member: string; readonly done: true; readonly node: unknown }
  | { readonly member: string; readonly done: false; readonly error: Failure };

type Failure = Pick<GatewayError, 'code' | 'message'>;

/** A member with the pool that its node is in, or why there is none. */
interface Found {
  readonly member: ClusterMember;
  readonly pool: string | undefined;
  readonly error: GatewayError | undefined;
}

/**
 * Exit code 0: done on all members; 1: not on all of them.
 *
 * @throws GatewayError GW_ERR_USAGE, GW_ERR_CONFIG, GW_ERR_FILE, GW_ERR_TLS_FILE; then nothing is done
 */
export async function changeNodeOnAll(
  name: string,
  change: NodeChange,
  options: ChangeOptions,
  terminal: Terminal,
): Promise<number> {
  const named = nodeNamed(name);
  const { members } = await membersOf(options, terminal);
  const found = await Promise.all(members.map((member) => find(member, named)));
  const wrong = found.find(({ error }) => error?.code === 'GW_ERR_USAGE')?.error;
  if (wrong !== undefined) throw wrong;
  const outcomes = await Promise.all(found.map((one) => changed(one, named.node, change)));
  for (const outcome of outcomes) {
    const { member } = outcome;
    if (options.json) terminal.out(JSON.stringify(outcome));
    else if (outcome.done) terminal.out(`${member}: ${nodeLine(outcome.node)}`);
    else terminal.err(`${member}: NOT DONE: ${outcome.error.message} [${outcome.error.code}]`);
  }
  const done = outcomes.filter((outcome) => outcome.done).length;
  if (done === outcomes.length) return EXIT.good;
  if (!options.json) terminal.err(`done on ${done} of ${outcomes.length} members; what is done stays so`);
  return EXIT.failed;
}

async function find(member: ClusterMember, { pool, node }: NamedNode): Promise<Found> {
  if (pool !== undefined || member.target === undefined) return { member, pool, error: undefined };
  const client = new AdminClient(member.target);
  try {
    return { member, pool: await poolOf(node, client), error: undefined };
  } catch (thrown) {
    return { member, pool, error: asGatewayError(thrown) };
  } finally {
    client.close();
  }
}

async function changed({ member, pool, error }: Found, node: string, change: NodeChange): Promise<Outcome> {
  const { name, target } = member;
  if (error !== undefined || pool === undefined || target === undefined)
    return notDone(name, error ?? unknownPlace(name));
  const client = new AdminClient(target);
  try {
    return { member: name, done: true, node: await askForChange(client, pool, node, change) };
  } catch (thrown) {
    return notDone(name, asGatewayError(thrown));
  } finally {
    client.close();
  }
}

function notDone(member: string, { code, message }: Failure): Outcome {
  return { member, done: false, error: { code, message } };
}

function unknownPlace(member: string): GatewayError {
  const detail = `cluster.members.${member}.admin is not in the config`;
  return new GatewayError('GW_ERR_ADMIN_CONNECT', { detail });
}
