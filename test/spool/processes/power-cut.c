/* What a machine has on its disk when its power is cut: a file of POWER_CUT_FROM comes to POWER_CUT_TO when it is synced, and as it is
   then; a rename or an end when its folder is synced. Loaded with LD_PRELOAD; whoever is killed leaves in POWER_CUT_TO what a cut would leave. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANGES 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Of names, until their folder is synced. To nothing: it is gone. */
static char changes[CHANGES][2][PATH_MAX];
static int changed = 0;

/* The path of the copy; 0: it is none of ours. */
static int shadow(const char *path, char *out) {
  const char *from = getenv("POWER_CUT_FROM"), *to = getenv("POWER_CUT_TO");
  size_t length = from ? strlen(from) : 0;
  if (!from || !to || strncmp(path, from, length) != 0) return 0;
  return snprintf(out, PATH_MAX, "%s%s", to, path + length) < PATH_MAX;
}

static void copy(int fd, const char *to) {
  static char bytes[1 << 16];
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int in = open(path, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0600);
  off_t at = 0;
  ssize_t count;
  if (in >= 0 && out >= 0) {
    while ((count = pread(in, bytes, sizeof bytes, at)) > 0) {
      if (pwrite(out, bytes, count, at) != count) abort();
      at += count;
    }
    if (ftruncate(out, at) != 0) abort();
  }
  if (in >= 0) close(in);
  if (out >= 0) close(out);
}

static void synced(int fd) {
  char link[64], path[PATH_MAX], to[PATH_MAX];
  struct stat stats;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0 || fstat(fd, &stats) != 0) return;
  path[length] = 0;
  pthread_mutex_lock(&lock);
  if (S_ISDIR(stats.st_mode)) {
    for (int i = 0; i < changed; i++) {
      char from[PATH_MAX];
      if (!shadow(changes[i][0], from)) continue;
      if (!*changes[i][1]) unlink(from);
      else if (shadow(changes[i][1], to)) rename(from, to);
    }
    changed = 0;
  } else if (shadow(path, to)) {
    copy(fd, to);
  }
  pthread_mutex_unlock(&lock);
}

/* Not by their real selves: this disk needs no time. */
int fsync(int fd) {
  synced(fd);
  return 0;
}

int fdatasync(int fd) {
  synced(fd);
  return 0;
}

/* Not of the copies themselves: those are changed with the lock held. */
static void keep(const char *from, const char *to) {
  char path[PATH_MAX];
  if (!shadow(from, path)) return;
  pthread_mutex_lock(&lock);
  if (changed == CHANGES) abort();
  strcpy(changes[changed][0], from);
  strcpy(changes[changed][1], to);
  changed++;
  pthread_mutex_unlock(&lock);
}

int rename(const char *from, const char *to) {
  static int (*real)(const char *, const char *);
  if (!real) real = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
  int result = real(from, to);
  if (result == 0) keep(from, to);
  return result;
}

int unlink(const char *path) {
  static int (*real)(const char *);
  if (!real) real = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
  int result = real(path);
  if (result == 0) keep(path, "");
  return result;
}
