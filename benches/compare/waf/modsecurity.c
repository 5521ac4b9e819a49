/* What libmodsecurity costs: reads requests as `waf requests` writes them, runs each through the phases of the request, and prints its CPU
 * time. Usage: modsecurity REQUESTS RULES… */

#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void quiet(void *data, const void *message) {
    (void)data;
    (void)message;
}

static double cpu_micros(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

/* The text up to a byte; moves on behind it. */
static char *take(char **rest, char end) {
    char *text = *rest;
    char *at = strchr(text, end);
    if (at) {
        *at = 0;
        *rest = at + 1;
    } else {
        *rest = text + strlen(text);
    }
    return text;
}

static int inspect(ModSecurity *engine, RulesSet *rules, const char *line) {
    char *copy = strdup(line), *rest = copy;
    Transaction *transaction = msc_new_transaction(engine, rules, NULL);
    char *method, *target, *fields;
    take(&rest, '\t');
    take(&rest, '\t');
    method = take(&rest, '\t');
    target = take(&rest, '\t');
    fields = take(&rest, '\t');
    msc_process_connection(transaction, "127.0.0.1", 40000, "127.0.0.1", 443);
    msc_process_uri(transaction, target, method, "1.1");
    while (*fields) {
        char *field = take(&fields, '\x1f');
        char *name = take(&field, ':');
        msc_add_request_header(transaction, (unsigned char *)name, (unsigned char *)field);
    }
    msc_process_request_headers(transaction);
    if (*rest) {
        msc_append_request_body(transaction, (unsigned char *)rest, strlen(rest));
    }
    msc_process_request_body(transaction);
    ModSecurityIntervention found = {0};
    found.status = 200;
    int refused = msc_intervention(transaction, &found);
    free(found.url);
    free(found.log);
    msc_transaction_cleanup(transaction);
    free(copy);
    return refused;
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: modsecurity REQUESTS RULES...\n");
        return 2;
    }
    ModSecurity *engine = msc_init();
    msc_set_log_cb(engine, quiet);
    RulesSet *rules = msc_create_rules_set();
    for (int at = 2; at < count; at++) {
        const char *error = NULL;
        if (msc_rules_add_file(rules, arguments[at], &error) < 0) {
            fprintf(stderr, "%s: %s\n", arguments[at], error ? error : "cannot be read");
            return 1;
        }
    }
    FILE *file = fopen(arguments[1], "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    if (!file) {
        perror(arguments[1]);
        return 1;
    }
    while ((length = getline(&line, &room, file)) > 0) {
        if (line[length - 1] == '\n') line[length - 1] = 0;
        char *copy = strdup(line), *rest = copy;
        char *name = take(&rest, '\t');
        int rounds = atoi(take(&rest, '\t'));
        double best = 1e18;
        int refused = 0;
        for (int round = 0; round < rounds; round++) {
            double began = cpu_micros();
            refused |= inspect(engine, rules, line);
            double took = cpu_micros() - began;
            if (took < best) best = took;
        }
        printf("%s\t%.1f\t%s\n", name, best, refused ? "refused" : "passed");
        fflush(stdout);
        free(copy);
    }
    return 0;
}
