/* Writes down what a program does to one database file and to the files beside it; preloaded into the
   program. DISK_FILE is the database, DISK_JOURNAL is where to. A sync only takes its time: what would be
   on the disk after a power loss is worked out from the journal. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct record {
  uint8_t what, file, none[2];
  uint32_t length;
  uint64_t offset;
};

/* What is beside the database. The -shm is not on the disk: it is made anew. */
static const char *const suffixes[] = {"", "-wal", "-journal"};

#define FOLDER 3

static int known(const char *path) {
  const char *database = getenv("DISK_FILE");
  size_t length = database ? strlen(database) : 0, folder = strlen(path);
  if (!length) return -1;
  if (folder < length && !strncmp(path, database, folder) && !strchr(database + folder + 1, '/')) return FOLDER;
  if (strncmp(path, database, length)) return -1;
  for (int file = 0; file < 3; file++)
    if (!strcmp(path + length, suffixes[file])) return file;
  return -1;
}

static int opened(int descriptor) {
  char link[32] = "/proc/self/fd/", digits[12], path[PATH_MAX];
  int count = 0, end = (int)strlen(link);
  do digits[count++] = (char)('0' + descriptor % 10);
  while (descriptor /= 10);
  while (count) link[end++] = digits[--count];
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return -1;
  path[length] = 0;
  return known(path);
}

static void write_down(char what, int file, uint64_t offset, const void *data, size_t length) {
  static int journal = -1;
  if (file < 0) return;
  if (journal < 0) journal = open(getenv("DISK_JOURNAL"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  struct record record = {(uint8_t)what, (uint8_t)file, {0}, (uint32_t)length, offset};
  struct iovec parts[] = {{&record, sizeof record}, {(void *)data, length}};
  /* In one piece: others write as well. */
  if (writev(journal, parts, 2) != (ssize_t)(sizeof record + length)) abort();
}

ssize_t pwrite64(int descriptor, const void *data, size_t length, off64_t offset) {
  write_down('w', opened(descriptor), (uint64_t)offset, data, length);
  return syscall(SYS_pwrite64, descriptor, data, length, offset);
}

ssize_t pwrite(int descriptor, const void *data, size_t length, off_t offset) {
  return pwrite64(descriptor, data, length, offset);
}

int ftruncate64(int descriptor, off64_t length) {
  write_down('t', opened(descriptor), (uint64_t)length, 0, 0);
  return (int)syscall(SYS_ftruncate, descriptor, length);
}

int ftruncate(int descriptor, off_t length) { return ftruncate64(descriptor, length); }

int fdatasync(int descriptor) {
  int file = opened(descriptor);
  write_down('b', file, 0, 0, 0);
  usleep(300);
  write_down('e', file, 0, 0, 0);
  return 0;
}

int fsync(int descriptor) { return fdatasync(descriptor); }

int unlink(const char *path) {
  write_down('u', known(path), 0, 0, 0);
  return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
