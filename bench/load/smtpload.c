/* SMTP and LMTP load: a number of connections, each sending one message after the other.
 *
 * usage: smtpload -p PORT|/socket -c CONNECTIONS -n MESSAGES -f FILE [-d DOMAIN] [-r RECIPIENTS] [-s PAUSE_MS]
 *                 [-a DESTINATIONS] [-T (STARTTLS)] [-L (LMTP)] [-P (MAIL, RCPT, DATA in one segment)]
 *
 * FILE is a message with CRLF, dots stuffed, holding the sixteen octets of MARK. Recipients are u0@DOMAIN and so on.
 * With -a the domains are address literals instead, [127.0.1.1] … [127.0.1.250], [127.0.2.1] and so on, as many as it says.
 * Connections and handshakes are made before the clock starts. Prints one line of JSON; `dot_us` is the time from
 * the final dot to its reply. */
#include "link.h"

typedef enum { MAIL, RCPT, DATA, BODY } Stage;

typedef struct {
    Link link;
    Stage stage;
    double dot_at;
    int waiting; /* replies still to come in this stage (pipelined: three) */
} Client;

static char *message;
static size_t message_size;
static char *stamped;
static const char *domain = "bench.test";
static int recipients = 100, destinations, lmtp, pipelined, tls;
static uint64_t number;
static long started, accepted, wanted;
static double *dots;

/* The domain of the message that was started last. */
static const char *destination(void) {
    static char literal[32];
    if (!destinations) return domain;
    long at = started % destinations;
    snprintf(literal, sizeof literal, "[127.0.%ld.%ld]", 1 + at / 250, 1 + at % 250);
    return literal;
}

static void begin(Client *client) {
    started++;
    if (pipelined) {
        link_say(&client->link, "MAIL FROM:<sender@outside.test>\r\nRCPT TO:<u%ld@%s>\r\nDATA\r\n",
                 started % recipients, destination());
        client->stage = DATA;
        client->waiting = 3;
    } else {
        link_say(&client->link, "MAIL FROM:<sender@outside.test>\r\n");
        client->stage = MAIL;
        client->waiting = 1;
    }
}

static void answered(Client *client, const char *line) {
    char want = client->stage == DATA && client->waiting == 1 ? '3' : '2';
    if (line[0] != want) die("stage %d: %.100s", client->stage, line);
    if (--client->waiting) return;
    client->waiting = 1;
    switch (client->stage) {
    case MAIL:
        link_say(&client->link, "RCPT TO:<u%ld@%s>\r\n", started % recipients, destination());
        client->stage = RCPT;
        break;
    case RCPT:
        link_say(&client->link, "DATA\r\n");
        client->stage = DATA;
        break;
    case DATA:
        memcpy(stamped, message, message_size);
        stamp(stamped, message_size, number++);
        link_send(&client->link, stamped, message_size + 3);
        client->dot_at = now_s();
        client->stage = BODY;
        break;
    case BODY:
        dots[accepted++] = now_s() - client->dot_at;
        if (started < wanted) begin(client);
        break;
    }
}

/* Replies are short, so a whole one is always in the tail: hand over each line that ends a reply. */
static void heard(Client *client) {
    for (;;) {
        char *tail = client->link.tail, *end = memchr(tail, '\n', client->link.tail_len);
        if (!end) return;
        size_t size = (size_t)(end + 1 - tail);
        char line[TAIL_OCTETS + 1];
        memcpy(line, tail, size);
        line[size] = 0;
        memmove(tail, end + 1, client->link.tail_len - size);
        client->link.tail_len -= size;
        if (size > 3 && line[3] == ' ') answered(client, line);
    }
}

static void greet(Client *client, const char *where) {
    const char *hello = lmtp ? "LHLO load.test\r\n" : "EHLO load.test\r\n";
    link_open(&client->link, where);
    link_until(&client->link, "220 ");
    link_send(&client->link, hello, strlen(hello));
    link_until(&client->link, "250 ");
    if (tls) {
        link_say(&client->link, "STARTTLS\r\n");
        link_until(&client->link, "220 ");
        link_tls(&client->link);
        link_send(&client->link, hello, strlen(hello));
        link_until(&client->link, "250 ");
    }
    client->link.tail_len = 0;
}

int main(int argc, char **argv) {
    const char *where = "25", *file = NULL;
    int connections = 1, option, pause_ms = 0;
    wanted = 1000;
    while ((option = getopt(argc, argv, "p:c:n:f:d:r:s:a:TLP")) != -1) switch (option) {
        case 'p': where = optarg; break;
        case 'c': connections = atoi(optarg); break;
        case 'n': wanted = atol(optarg); break;
        case 'f': file = optarg; break;
        case 'd': domain = optarg; break;
        case 'a': destinations = atoi(optarg); break;
        case 'r': recipients = atoi(optarg); break;
        case 's': pause_ms = atoi(optarg); break;
        case 'T': tls = 1; break;
        case 'L': lmtp = 1; break;
        case 'P': pipelined = 1; break;
        default: die("unknown option");
    }
    if (!file) die("-f FILE is missing");
    message = read_file(file, &message_size);
    message = realloc(message, message_size + 4);
    memcpy(message + message_size, ".\r\n", 4);
    stamped = malloc(message_size + 4);
    memcpy(stamped, message, message_size + 4);
    if (!memmem(message, message_size, MARK, 16)) die("%s has no mark", file);
    number = first_number();
    dots = calloc((size_t)wanted + (size_t)connections, sizeof *dots);

    Client *clients = calloc((size_t)connections, sizeof *clients);
    int epoll = epoll_create1(0);
    for (int i = 0; i < connections; i++) {
        greet(&clients[i], where);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &clients[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].link.fd, &e);
    }
    double start = now_s(), cpu = own_cpu_s();
    for (int i = 0; i < connections && started < wanted; i++) begin(&clients[i]);
    long before = 0;
    while (accepted < wanted) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll, events, 256, PATIENCE_MS);
        if (count <= 0) die("the server is silent after %ld of %ld messages", accepted, wanted);
        for (int i = 0; i < count; i++) {
            Client *client = events[i].data.ptr;
            ssize_t got;
            while ((got = link_read(&client->link)) > 0) heard(client);
            if (got == 0) die("the server hung up after %ld messages", accepted);
        }
        if (pause_ms && accepted > before) {
            struct timespec rest = {0, pause_ms * 1000000L};
            nanosleep(&rest, NULL);
            before = accepted;
        }
    }
    double seconds = now_s() - start;
    cpu = own_cpu_s() - cpu;
    for (int i = 0; i < connections; i++) link_say(&clients[i].link, "QUIT\r\n");
    qsort(dots, (size_t)accepted, sizeof *dots, by_value);
    printf("{\"operations\": %ld, \"seconds\": %.6f, \"rate\": %.2f, \"dot_us_p50\": %.1f, \"dot_us_p95\": %.1f, "
           "\"own_cpu_s\": %.4f}\n",
           accepted, seconds, (double)accepted / seconds, quantile(dots, (size_t)accepted, 0.5) * 1e6,
           quantile(dots, (size_t)accepted, 0.95) * 1e6, cpu);
    return 0;
}
