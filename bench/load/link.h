/* One connection of a load generator: plain or TLS, non-blocking reads, whole writes. Errors end the program. */
#ifndef LINK_H
#define LINK_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define TAIL_OCTETS 4096 /* a CAPABILITY answer has more than 600 */

typedef struct {
    int fd;
    SSL *ssl;
    char tail[TAIL_OCTETS + 1]; /* the last octets received; NUL behind them */
    size_t tail_len;
    uint64_t received;
} Link;

static char inbox[1 << 20]; /* one read; shared, the program has one thread */

static void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "load: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double own_cpu_s(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static SSL_CTX *tls_context(void) {
    static SSL_CTX *context;
    if (!context) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL); /* the peers sign their own certificates */
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    }
    return context;
}

/* `where` is a port on 127.0.0.1, or the path of a unix socket. */
static void link_open(Link *link, const char *where) {
    memset(link, 0, sizeof *link);
    if (where[0] == '/') {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        strncpy(a.sun_path, where, sizeof a.sun_path - 1);
        link->fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(link->fd, (void *)&a, sizeof a)) die("connect %s: %s", where, strerror(errno));
    } else {
        /* 127.0.0.1 .. 127.0.0.8 as sources: more ports, and no per-address limit is hit by accident */
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(where))};
        int on = 1;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        link->fd = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(link->fd, (void *)&a, sizeof a)) die("connect %s: %s", where, strerror(errno));
    }
    fcntl(link->fd, F_SETFL, O_NONBLOCK);
}

static void link_wait(Link *link, short events) {
    struct pollfd p = {.fd = link->fd, .events = events};
    if (poll(&p, 1, PATIENCE_MS) <= 0) die("the server is silent; last words: %s", link->tail);
}

static void link_tls(Link *link) {
    link->ssl = SSL_new(tls_context());
    SSL_set_fd(link->ssl, link->fd);
    int done;
    while ((done = SSL_connect(link->ssl)) != 1) {
        int why = SSL_get_error(link->ssl, done);
        if (why == SSL_ERROR_WANT_READ) link_wait(link, POLLIN);
        else if (why == SSL_ERROR_WANT_WRITE) link_wait(link, POLLOUT);
        else die("TLS handshake failed: %s", ERR_error_string(ERR_get_error(), NULL));
    }
    link->tail_len = 0;
}

static void link_send(Link *link, const char *data, size_t size) {
    while (size) {
        ssize_t sent = link->ssl ? SSL_write(link->ssl, data, (int)size) : send(link->fd, data, size, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
            continue;
        }
        if (link->ssl) {
            int why = SSL_get_error(link->ssl, (int)sent);
            if (why == SSL_ERROR_WANT_WRITE) link_wait(link, POLLOUT);
            else if (why == SSL_ERROR_WANT_READ) link_wait(link, POLLIN);
            else die("TLS write failed");
        } else if (errno == EAGAIN) {
            link_wait(link, POLLOUT);
        } else {
            die("send: %s; last words: %s", strerror(errno), link->tail);
        }
    }
}

static void link_say(Link *link, const char *format, ...) {
    char line[2048];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    link_send(link, line, (size_t)size);
}

static void keep_tail(Link *link, const char *data, size_t size) {
    if (size >= TAIL_OCTETS) {
        memcpy(link->tail, data + size - TAIL_OCTETS, TAIL_OCTETS);
        link->tail_len = TAIL_OCTETS;
    } else {
        size_t keep = link->tail_len + size > TAIL_OCTETS ? TAIL_OCTETS - size : link->tail_len;
        memmove(link->tail, link->tail + link->tail_len - keep, keep);
        memcpy(link->tail + keep, data, size);
        link->tail_len = keep + size;
    }
    link->tail[link->tail_len] = 0;
}

/* One read into `inbox`: its size, 0 at the end of the stream, -1 when nothing is there yet. Call until -1 (TLS). */
static ssize_t link_read(Link *link) {
    ssize_t got = link->ssl ? SSL_read(link->ssl, inbox, sizeof inbox) : recv(link->fd, inbox, sizeof inbox, 0);
    if (got > 0) {
        keep_tail(link, inbox, (size_t)got);
        link->received += (uint64_t)got;
        return got;
    }
    if (link->ssl) {
        int why = SSL_get_error(link->ssl, (int)got);
        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? -1 : 0;
    }
    return got < 0 && errno == EAGAIN ? -1 : 0;
}

static void link_close(Link *link) {
    if (link->ssl) SSL_free(link->ssl);
    close(link->fd);
    link->ssl = NULL;
    link->fd = -1;
}

/* The last line of the tail when it is complete, else NULL. */
static const char *last_line(const Link *link) {
    size_t n = link->tail_len;
    if (n < 2 || link->tail[n - 1] != '\n') return NULL;
    const char *at = link->tail + n - 2;
    while (at > link->tail && at[-1] != '\n') at--;
    return at;
}

/* Blocks until the last complete line begins with `begins`; any other answer to a command ends the program. */
static void link_until(Link *link, const char *begins) {
    for (;;) {
        ssize_t got = link_read(link);
        if (got <= 0) {
            const char *line = last_line(link); /* a LOGOUT's OK may come together with the end of the stream */
            if (line && !strncmp(line, begins, strlen(begins))) return;
            if (line && (strstr(line, " NO ") || strstr(line, " BAD ") || !strncmp(line, "-ERR", 4)
                || (*line >= '4' && *line <= '5' && line[3] == ' ')))
                die("wanted %s, got: %s", begins, line);
            if (got == 0) die("the server hung up; last words: %s", link->tail);
            link_wait(link, POLLIN);
        }
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *sorted, size_t count, double q) {
    return count ? sorted[(size_t)(q * (double)(count - 1))] : 0;
}

static char *read_file(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f) die("%s: %s", path, strerror(errno));
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *data = malloc(*size + 1);
    if (fread(data, 1, *size, f) != *size) die("%s: short read", path);
    data[*size] = 0;
    fclose(f);
    return data;
}

/* Where a message holds sixteen octets that are made different in each copy, so that no store can share them. */
static const char MARK[] = "0123456789ABCDEF";

static void stamp(char *message, size_t size, uint64_t number) {
    char hex[17];
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)number);
    memcpy(memmem(message, size, MARK, 16), hex, 16);
}

static uint64_t first_number(void) {
    return ((uint64_t)time(NULL) << 32) ^ ((uint64_t)getpid() << 24);
}
#endif
