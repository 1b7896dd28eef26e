#include "base/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static um_status map_descriptor(int descriptor, const char *path, um_mapped_file *file,
                                um_error *error) {
    struct stat information;
    if (fstat(descriptor, &information) != 0) {
        return um_error_set_errno(error, errno, "%s", path);
    }
    if (!S_ISREG(information.st_mode)) {
        return UM_RAISE(error, UM_ERR_IO, "%s: not a regular file", path);
    }
    if (information.st_size == 0) {
        return UM_OK;
    }
    const size_t size = (size_t)information.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) {
        return um_error_set_errno(error, errno, "%s: cannot map %zu bytes", path, size);
    }
    *file = (um_mapped_file){.data = data, .size = size};
    return UM_OK;
}

um_status um_mapped_file_open(const char *path, um_mapped_file *file, um_error *error) {
    *file = (um_mapped_file){0};
    /* Without O_NONBLOCK, opening a pipe would wait for a writer before it could be refused. */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return um_error_set_errno(error, errno, "%s", path);
    }
    const um_status status = map_descriptor(descriptor, path, file, error);
    (void)close(descriptor);
    return status;
}

void um_mapped_file_close(um_mapped_file *file) {
    if (file->data) {
        (void)munmap((void *)(uintptr_t)file->data, file->size);
    }
    *file = (um_mapped_file){0};
}

void um_mapped_bytes_release(const void *data, size_t bytes) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t first = ((uintptr_t)data + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)data + bytes) / page * page;
    if (first < end) {
        (void)madvise((void *)first, end - first, MADV_DONTNEED);
    }
}

static um_status read_descriptor(int descriptor, const char *path, size_t maximum,
                                 um_buffer *buffer, um_error *error) {
    char chunk[65536];
    size_t total = 0;
    for (;;) {
        const ssize_t count = read(descriptor, chunk, sizeof chunk);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return um_error_set_errno(error, errno, "%s", path);
        }
        if (count == 0) {
            return UM_OK;
        }
        total += (size_t)count;
        if (total > maximum) {
            return UM_RAISE(error, UM_ERR_LIMIT, "%s: larger than %zu bytes", path, maximum);
        }
        UM_TRY(um_buffer_append(buffer, chunk, (size_t)count, error));
    }
}

um_status um_file_read(const char *path, size_t maximum, um_buffer *buffer, um_error *error) {
    if (strcmp(path, "-") == 0) {
        return read_descriptor(STDIN_FILENO, "standard input", maximum, buffer, error);
    }
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return um_error_set_errno(error, errno, "%s", path);
    }
    const um_status status = read_descriptor(descriptor, path, maximum, buffer, error);
    (void)close(descriptor);
    return status;
}

bool um_file_exists(const char *directory, const char *name) {
    char path[4096];
    return um_path_join(path, sizeof path, directory, name, NULL) == UM_OK &&
           access(path, F_OK) == 0;
}

um_status um_path_join(char *path, size_t path_size, const char *directory, const char *name,
                       um_error *error) {
    const int length = snprintf(path, path_size, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= path_size) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s/%s: path too long", directory, name);
    }
    return UM_OK;
}
