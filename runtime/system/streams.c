/* See streams.h. */
#include "streams.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

void lrt_streams_begin(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0) /* the wrong direction: its use fails */
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
    signal(SIGXFSZ, SIG_IGN);
}

bool lrt_streams_end(void) { return !fflush(stdout) && !ferror(stdout); }
