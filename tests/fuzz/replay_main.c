/* Runs a fuzz target over every file of the directories it is given, so that what fuzzing once
 * found is tested with any compiler.
 *
 * Each input lies in an allocation of exactly its size, so the address sanitizer sees a read past
 * its end.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int complain(const char *path, const char *what) {
    (void)fprintf(stderr, "%s: %s\n", path, what);
    return -1;
}

static int read_all(FILE *file, uint8_t *data, size_t size) {
    return fread(data, 1, size, file) == size && getc(file) == EOF ? 0 : -1;
}

static int replay_open_file(const char *path, FILE *file, size_t size) {
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL) {
        return complain(path, "out of memory");
    }
    const int status = read_all(file, data, size);
    if (status == 0) {
        (void)LLVMFuzzerTestOneInput(data, size);
    } else {
        (void)complain(path, "cannot be read");
    }
    free(data);
    return status;
}

/* 1 for a replayed file, 0 for anything but a regular file, -1 for a failure. */
static int replay_path(const char *path) {
    struct stat information;
    if (stat(path, &information) != 0) {
        return complain(path, strerror(errno));
    }
    if (!S_ISREG(information.st_mode)) {
        return 0;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return complain(path, strerror(errno));
    }
    /* If an input crashes, its name is the last line of the output. */
    (void)printf("%s\n", path);
    (void)fflush(stdout);
    const int status = replay_open_file(path, file, (size_t)information.st_size);
    (void)fclose(file);
    return status == 0 ? 1 : -1;
}

/* The number of replayed files of `directory`, or -1. */
static int replay_directory(const char *directory) {
    DIR *stream = opendir(directory);
    if (stream == NULL) {
        return complain(directory, strerror(errno));
    }
    int replayed = 0;
    for (struct dirent *entry; replayed >= 0 && (entry = readdir(stream)) != NULL;) {
        char path[4096];
        const int length = snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof(path)) {
            replayed = complain(directory, "a path in it is too long");
            break;
        }
        const int status = replay_path(path);
        replayed = status < 0 ? -1 : replayed + status;
    }
    (void)closedir(stream);
    return replayed;
}

int main(int argument_count, char **arguments) {
    if (argument_count < 2) {
        (void)fprintf(stderr, "usage: %s CORPUS_DIRECTORY...\n", arguments[0]);
        return 2;
    }
    for (int i = 1; i < argument_count; i++) {
        const int replayed = replay_directory(arguments[i]);
        if (replayed == 0) {
            (void)complain(arguments[i], "holds no input, so nothing is tested");
        }
        if (replayed <= 0) {
            return 1;
        }
    }
    return 0;
}
