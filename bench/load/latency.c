/* One message at a time: from the final dot to its 250, and to the EXISTS an IDLE connection is told.
 *
 * usage: latency -p SMTP_PORT -i IMAP_PORT -u LOGIN -w PASSWORD -t ADDRESS -f FILE -n MESSAGES [-s PAUSE_MS]
 */
#include "link.h"

int main(int argc, char **argv) {
    const char *smtp_at = "25", *imap_at = "143", *login = "u0", *password = "secret", *to = "u0@bench.test", *file = NULL;
    int option, pause_ms = 20;
    long count = 100;
    while ((option = getopt(argc, argv, "p:i:u:w:t:f:n:s:")) != -1) switch (option) {
        case 'p': smtp_at = optarg; break;
        case 'i': imap_at = optarg; break;
        case 'u': login = optarg; break;
        case 'w': password = optarg; break;
        case 't': to = optarg; break;
        case 'f': file = optarg; break;
        case 'n': count = atol(optarg); break;
        case 's': pause_ms = atoi(optarg); break;
        default: die("unknown option");
    }
    if (!file) die("-f FILE is missing");
    size_t size;
    char *message = read_file(file, &size), *stamped = malloc(size + 4);
    uint64_t number = first_number();

    Link smtp, imap;
    link_open(&imap, imap_at);
    link_until(&imap, "* OK");
    link_say(&imap, "a1 LOGIN %s %s\r\n", login, password);
    link_until(&imap, "a1 OK");
    link_say(&imap, "a2 SELECT INBOX\r\n");
    link_until(&imap, "a2 OK");
    link_say(&imap, "a3 IDLE\r\n");
    link_until(&imap, "+");
    link_open(&smtp, smtp_at);
    link_until(&smtp, "220 ");
    link_say(&smtp, "EHLO load.test\r\n");
    link_until(&smtp, "250 ");

    double *to_reply = calloc((size_t)count, sizeof(double)), *to_exists = calloc((size_t)count, sizeof(double));
    for (long i = 0; i < count; i++) {
        struct timespec rest = {pause_ms / 1000, (pause_ms % 1000) * 1000000L};
        nanosleep(&rest, NULL);
        smtp.tail_len = imap.tail_len = 0;
        link_say(&smtp, "MAIL FROM:<sender@outside.test>\r\n");
        link_until(&smtp, "250");
        smtp.tail_len = 0;
        link_say(&smtp, "RCPT TO:<%s>\r\n", to);
        link_until(&smtp, "250");
        smtp.tail_len = 0;
        link_say(&smtp, "DATA\r\n");
        link_until(&smtp, "354");
        smtp.tail_len = 0;
        memcpy(stamped, message, size);
        memcpy(stamped + size, ".\r\n", 3);
        stamp(stamped, size, number++);
        link_send(&smtp, stamped, size + 3);
        double dot = now_s();
        int replied = 0, told = 0;
        while (!replied || !told) {
            struct pollfd p[2] = {{.fd = replied ? -1 : smtp.fd, .events = POLLIN}, {.fd = told ? -1 : imap.fd, .events = POLLIN}};
            if (poll(p, 2, PATIENCE_MS) <= 0) die("silent: reply %d, exists %d", replied, told);
            double at = now_s() - dot;
            if (p[0].revents) {
                if (link_read(&smtp) == 0) die("SMTP hung up");
                const char *line = last_line(&smtp);
                if (line) {
                    if (strncmp(line, "250", 3)) die("refused: %s", line);
                    to_reply[i] = at;
                    replied = 1;
                }
            }
            if (p[1].revents) {
                if (link_read(&imap) == 0) die("IMAP hung up");
                if (memmem(imap.tail, imap.tail_len, " EXISTS", 7)) {
                    to_exists[i] = at;
                    told = 1;
                }
            }
        }
    }
    qsort(to_reply, (size_t)count, sizeof(double), by_value);
    qsort(to_exists, (size_t)count, sizeof(double), by_value);
    printf("{\"operations\": %ld, \"dot_us_p50\": %.1f, \"dot_us_p95\": %.1f, \"exists_us_p50\": %.1f, \"exists_us_p95\": %.1f}\n",
           count, quantile(to_reply, (size_t)count, 0.5) * 1e6, quantile(to_reply, (size_t)count, 0.95) * 1e6,
           quantile(to_exists, (size_t)count, 0.5) * 1e6, quantile(to_exists, (size_t)count, 0.95) * 1e6);
    return 0;
}
