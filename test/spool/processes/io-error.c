/* A disk that fails: while the file IO_ERROR_WHILE is there, each fsync of a file whose path begins with IO_ERROR_ON fails with EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int fd) {
  const char *when = getenv("IO_ERROR_WHILE"), *on = getenv("IO_ERROR_ON");
  char link[64], path[PATH_MAX];
  if (!when || !on || access(when, F_OK) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, on, strlen(on)) == 0;
}

static int real(const char *name, int fd) {
  int (*call)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  if (fails(fd)) {
    errno = EIO;
    return -1;
  }
  return call(fd);
}

int fsync(int fd) { return real("fsync", fd); }

int fdatasync(int fd) { return real("fdatasync", fd); }
