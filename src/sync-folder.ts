// fsync(2) of a folder: a file's own fsync does not say that its name is on the disk.
import { open } from 'node:fs/promises';

/** @throws Error of the file system */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
