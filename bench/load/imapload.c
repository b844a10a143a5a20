/* IMAP and POP3 load. Answers are not parsed: a command is done when the last line received begins with its tag.
 *
 * usage: imapload -p PORT -m MODE -c CONNECTIONS -n OPERATIONS [-u LOGIN] [-U LOGINS] [-w PASSWORD] [-b MAILBOX] [-T]
 *   loop       -C "NOOP" or "FETCH %d (FLAGS)": %d is a random number of 1 .. -N; several commands, parted by |,
 *              make one operation
 *   reconnect  connect, LOGIN, SELECT, LOGOUT: one operation
 *   append     messages of -P PACK ([32-bit length][octets] each, with MARK) to the mailbox, -k of them under way
 *   idle       opens all connections, sends IDLE, prints "ready", waits for the end of its input
 *   pop3       RETR 1 .. -N again and again
 * -T: TLS from the first octet. LOGIN may hold %d: the connection's number modulo -U.
 * Logins and SELECT come before the clock starts (not in reconnect). Prints one line of JSON. */
#include "link.h"

typedef struct {
    Link link;
    int index, step, state, under_way;
    unsigned tag, awaited;
} Client;

static const char *where = "143", *mode = "loop", *login = "u0", *password = "secret", *mailbox = "INBOX", *steps[16];
static int logins = 1, step_count, box_size = 1, tls, depth = 1;
static long started, finished, wanted = 1000;
static uint64_t state = 88172645463325252ULL, number;
static char *pack;
static size_t pack_size, pack_at;
static double *times, *began;

static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static const char *login_of(const Client *client) {
    static char name[128];
    snprintf(name, sizeof name, login, client->index % logins);
    return name;
}

static void enter(Client *client) {
    int pop3 = !strcmp(mode, "pop3");
    link_open(&client->link, where);
    if (tls) link_tls(&client->link);
    link_until(&client->link, pop3 ? "+OK" : "* OK");
    client->link.tail_len = 0;
    if (pop3) {
        link_say(&client->link, "USER %s\r\n", login_of(client));
        link_until(&client->link, "+OK");
        client->link.tail_len = 0;
        link_say(&client->link, "PASS %s\r\n", password);
        link_until(&client->link, "+OK");
    } else {
        link_say(&client->link, "a1 LOGIN %s %s\r\n", login_of(client), password);
        link_until(&client->link, "a1 OK");
        link_say(&client->link, "a2 SELECT %s\r\n", mailbox);
        link_until(&client->link, "a2 OK");
    }
    client->link.tail_len = 0;
    client->link.received = 0;
}

static void send_step(Client *client) {
    char command[1024], line[1100];
    snprintf(command, sizeof command, steps[client->step], (int)(next_random() % (uint64_t)box_size) + 1);
    int size = snprintf(line, sizeof line, "x%u %s\r\n", ++client->tag, command);
    client->awaited = client->tag;
    link_send(&client->link, line, (size_t)size);
}

static void send_append(Client *client) {
    uint32_t size;
    char head[256];
    if (pack_at + 4 > pack_size) pack_at = 0;
    memcpy(&size, pack + pack_at, 4);
    char *body = pack + pack_at + 4;
    pack_at += 4 + size;
    static char *copy;
    static size_t room;
    if (room < size + 2) copy = realloc(copy, room = size + 65536);
    memcpy(copy, body, size);
    stamp(copy, size, number++);
    memcpy(copy + size, "\r\n", 2);
    int n = snprintf(head, sizeof head, "x%u APPEND %s {%u+}\r\n", ++client->tag, mailbox, size);
    link_send(&client->link, head, (size_t)n);
    link_send(&client->link, copy, size + 2);
}

static void begin(Client *client) {
    if (started >= wanted) return;
    began[client->index] = now_s();
    if (!strcmp(mode, "append")) {
        while (client->under_way < depth && started < wanted) {
            started++;
            client->under_way++;
            send_append(client);
        }
        client->awaited = client->tag;
    } else if (!strcmp(mode, "pop3")) {
        started++;
        client->step = client->step % box_size + 1;
        link_say(&client->link, "RETR %d\r\n", client->step);
    } else {
        started++;
        client->step = 0;
        send_step(client);
    }
}

static void done(Client *client, long count) {
    if (finished < wanted) times[finished] = now_s() - began[client->index];
    finished += count;
    begin(client);
}

/* The answer to the awaited tag is the last thing the server says, so only the tail is looked at. */
static void heard(Client *client) {
    Link *link = &client->link;
    if (!strcmp(mode, "pop3")) {
        if (link->tail_len >= 5 && !memcmp(link->tail + link->tail_len - 5, "\r\n.\r\n", 5)) {
            link->tail_len = 0;
            done(client, 1);
        } else if (!strncmp(link->tail, "-ERR", 4)) {
            die("refused: %s", link->tail);
        }
        return;
    }
    const char *line = last_line(link);
    char tag[24];
    int size = snprintf(tag, sizeof tag, "x%u ", client->awaited);
    if (!line || strncmp(line, tag, (size_t)size)) return;
    if (strncmp(line + size, "OK", 2)) die("refused: %s", line);
    link->tail_len = 0;
    if (!strcmp(mode, "append")) {
        long count = client->under_way;
        client->under_way = 0;
        done(client, count);
    } else if (++client->step < step_count) {
        send_step(client);
    } else {
        done(client, 1);
    }
}

static void run_reconnect(Client *client) {
    for (; finished < wanted; finished++) {
        double start = now_s();
        enter(client);
        link_say(&client->link, "a3 LOGOUT\r\n");
        times[finished] = now_s() - start;
        link_until(&client->link, "a3 OK");
        link_close(&client->link);
    }
}

static void run_idle(Client *clients, int connections) {
    for (int i = 0; i < connections; i++) {
        enter(&clients[i]);
        link_say(&clients[i].link, "a3 IDLE\r\n");
        link_until(&clients[i].link, "+");
    }
    printf("ready\n");
    fflush(stdout);
    while (getchar() != EOF) {}
}

int main(int argc, char **argv) {
    int connections = 1, option;
    char *commands = strdup("NOOP");
    while ((option = getopt(argc, argv, "p:m:c:n:u:U:w:b:C:N:P:k:T")) != -1) switch (option) {
        case 'p': where = optarg; break;
        case 'm': mode = optarg; break;
        case 'c': connections = atoi(optarg); break;
        case 'n': wanted = atol(optarg); break;
        case 'u': login = optarg; break;
        case 'U': logins = atoi(optarg); break;
        case 'w': password = optarg; break;
        case 'b': mailbox = optarg; break;
        case 'C': commands = strdup(optarg); break;
        case 'N': box_size = atoi(optarg); break;
        case 'P': pack = read_file(optarg, &pack_size); break;
        case 'k': depth = atoi(optarg); break;
        case 'T': tls = 1; break;
        default: die("unknown option");
    }
    for (char *step = strtok(commands, "|"); step && step_count < 16; step = strtok(NULL, "|")) steps[step_count++] = step;
    if (!strcmp(mode, "append") && !pack) die("-P PACK is missing");
    struct rlimit files = {200000, 200000};
    if (setrlimit(RLIMIT_NOFILE, &files)) {
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    number = first_number();
    times = calloc((size_t)wanted + 1, sizeof *times);
    began = calloc((size_t)connections, sizeof *began);
    Client *clients = calloc((size_t)connections, sizeof *clients);
    for (int i = 0; i < connections; i++) clients[i].index = i;
    if (!strcmp(mode, "idle")) {
        run_idle(clients, connections);
        return 0;
    }
    int epoll = epoll_create1(0);
    uint64_t octets = 0;
    int reconnect = !strcmp(mode, "reconnect");
    for (int i = 0; i < connections && !reconnect; i++) {
        enter(&clients[i]);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &clients[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].link.fd, &e);
    }
    double start = now_s(), cpu = own_cpu_s();
    if (reconnect) run_reconnect(&clients[0]);
    else
        for (int i = 0; i < connections; i++) begin(&clients[i]);
    while (finished < wanted) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll, events, 256, PATIENCE_MS);
        if (count <= 0) die("the server is silent after %ld of %ld operations", finished, wanted);
        for (int i = 0; i < count; i++) {
            Client *client = events[i].data.ptr;
            ssize_t got;
            int any = 0;
            while ((got = link_read(&client->link)) > 0) any = 1;
            if (got == 0) die("the server hung up after %ld operations; last words: %s", finished, client->link.tail);
            if (any) heard(client);
        }
    }
    double seconds = now_s() - start;
    cpu = own_cpu_s() - cpu;
    for (int i = 0; i < connections; i++) octets += clients[i].link.received;
    size_t timed = (size_t)(finished < wanted ? finished : wanted);
    if (depth > 1) timed = 0;
    qsort(times, timed, sizeof *times, by_value);
    printf("{\"operations\": %ld, \"seconds\": %.6f, \"rate\": %.2f, \"octets\": %llu, \"us_p50\": %.1f, \"us_p95\": %.1f, "
           "\"own_cpu_s\": %.4f}\n",
           finished, seconds, (double)finished / seconds, (unsigned long long)octets, quantile(times, timed, 0.5) * 1e6,
           quantile(times, timed, 0.95) * 1e6, cpu);
    return 0;
}
