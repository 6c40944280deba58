/* The protocol's part: a greet server and a responder on lwIP's raw API. */
#ifndef GREET_H
#define GREET_H

#include <stdbool.h>

#include "lwip/arch.h"

/* Listens. False: the stack has no control block left for it. */
bool greet_listen(u16_t tcp_port, u16_t udp_port);

/* Serves whoever is there. Call it after each frame, and with `quiet` once no frame is waiting. */
void greet_poll(u32_t now, bool quiet);

#endif
