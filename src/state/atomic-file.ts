// Writes a file so that whoever reads it finds the old content or the new one, also after a power cut: written beside it,
// fsynced, renamed, and the folder fsynced, because the rename is an entry in that.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../sync-folder.ts';

/** What is decided of nodes, and which senders there are, is for the gateway's user alone. */
const MODE = 0o600;

/** Blocks: for some kilobytes that must be stored before somebody is told that they are. @throws Error of the file system */
export function writeFileAtomicSync(path: string, text: string): void {
  const beside = besideOf(path);
  try {
    const fd = openSync(beside, 'w', MODE);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, path);
    const folder = openSync(dirname(path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (thrown) {
    rmSync(beside, { force: true });
    throw thrown;
  }
}

/** The same for what is large: pieces as they come. */
export async function writeFileAtomic(path: string, pieces: AsyncIterable<string>): Promise<void> {
  const beside = besideOf(path);
  try {
    const file = await open(beside, 'w', MODE);
    try {
      for await (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    await syncFolder(dirname(path));
  } catch (thrown) {
    await rm(beside, { force: true });
    throw thrown;
  }
}

/** Two processes may write at the same time during a hot restart. */
function besideOf(path: string): string {
  return `${path}.${process.pid}.new`;
}
