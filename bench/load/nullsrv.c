/* A server that does nothing as fast as it can: shows how far the load generators go.
 *
 * usage: nullsrv smtp|imap PORT
 * SMTP: 250 to every line, 354 to DATA, 250 to CRLF . CRLF. IMAP: tag OK to every line, literals are not read.
 * Stops at SIGTERM. */
#include "link.h"

typedef struct {
    int fd, in_data;
    size_t have;
    char line[4096]; /* an unfinished line, or the last four octets of a body */
} Peer;

static int imap;

static void reply(Peer *peer, const char *text, size_t size) {
    if (send(peer->fd, text, size, MSG_NOSIGNAL) < 0) die("send: %s", strerror(errno));
}

static void line_heard(Peer *peer, const char *line, size_t size) {
    char out[256];
    if (imap) {
        const char *space = memchr(line, ' ', size);
        int tag = space ? (int)(space - line) : 0;
        if (space && size > (size_t)tag + 5 && !memcmp(space + 1, "IDLE", 4)) reply(peer, "+ idling\r\n", 10);
        else reply(peer, out, (size_t)snprintf(out, sizeof out, "%.*s OK done\r\n", tag, line));
    } else if (size >= 4 && !memcmp(line, "DATA", 4)) {
        peer->in_data = 1;
        peer->have = 0;
        reply(peer, "354 go\r\n", 8);
    } else {
        reply(peer, "250 ok\r\n", 8);
    }
}

/* Returns how much of the data was used; a body is judged by its last five octets, as the generator sends them. */
static void body_heard(Peer *peer, const char *data, size_t size) {
    size_t keep = size < 5 ? size : 5;
    if (peer->have + keep > 5) {
        size_t drop = peer->have + keep - 5;
        memmove(peer->line, peer->line + drop, peer->have - drop);
        peer->have -= drop;
    }
    memcpy(peer->line + peer->have, data + size - keep, keep);
    peer->have += keep;
    if (peer->have == 5 && !memcmp(peer->line, "\r\n.\r\n", 5)) {
        peer->in_data = 0;
        peer->have = 0;
        reply(peer, "250 kept\r\n", 10);
    }
}

static void heard(Peer *peer, const char *data, size_t size) {
    if (peer->in_data) {
        body_heard(peer, data, size);
        return;
    }
    while (size) {
        const char *end = memchr(data, '\n', size);
        size_t part = end ? (size_t)(end + 1 - data) : size;
        if (peer->have + part > sizeof peer->line) die("line too long");
        memcpy(peer->line + peer->have, data, part);
        peer->have += part;
        data += part;
        size -= part;
        if (end) {
            size_t whole = peer->have;
            peer->have = 0;
            line_heard(peer, peer->line, whole);
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 3) die("usage: nullsrv smtp|imap PORT");
    imap = !strcmp(argv[1], "imap");
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1, epoll = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (void *)&a, sizeof a) || listen(listener, 1024)) die("port %s: %s", argv[2], strerror(errno));
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            Peer *peer = events[i].data.ptr;
            if (!peer) {
                peer = calloc(1, sizeof *peer);
                peer->fd = accept(listener, NULL, NULL);
                setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                e.data.ptr = peer;
                epoll_ctl(epoll, EPOLL_CTL_ADD, peer->fd, &e);
                reply(peer, imap ? "* OK null\r\n" : "220 null\r\n", imap ? 11 : 10);
                continue;
            }
            ssize_t got = recv(peer->fd, inbox, sizeof inbox, 0);
            if (got <= 0) {
                close(peer->fd);
                free(peer);
            } else {
                heard(peer, inbox, (size_t)got);
            }
        }
    }
}
