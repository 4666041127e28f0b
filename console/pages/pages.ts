// The pages, in the order in which they are offered.
import type { JSX } from 'preact';
import type { LoggedIn } from '../state/session.ts';
import { CertificatesPage } from './certificates.tsx';
import { ClusterPage } from './cluster.tsx';
import { ConfigPage } from './config.tsx';
import { MessagesPage } from './messages.tsx';
import { NodesPage } from './nodes.tsx';
import { OverviewPage } from './overview.tsx';
import { RoutesPage } from './routes.tsx';
import { SendersPage } from './senders.tsx';
import { SpoolPage } from './spool.tsx';

export interface PageProps {
  readonly who: LoggedIn;
}

export interface PageEntry {
  readonly path: string;
  readonly title: string;
  readonly shows: (props: PageProps) => JSX.Element;
}

export const PAGES: readonly [PageEntry, ...PageEntry[]] = [
  { path: 'overview', title: 'Overview', shows: OverviewPage },
  { path: 'nodes', title: 'Nodes', shows: NodesPage },
  { path: 'senders', title: 'Senders', shows: SendersPage },
  { path: 'messages', title: 'Messages', shows: MessagesPage },
  { path: 'routes', title: 'Routes', shows: RoutesPage },
  { path: 'spool', title: 'Spool', shows: SpoolPage },
  { path: 'certificates', title: 'Certificates', shows: CertificatesPage },
  { path: 'config', title: 'Config', shows: ConfigPage },
  { path: 'cluster', title: 'Cluster', shows: ClusterPage },
];
