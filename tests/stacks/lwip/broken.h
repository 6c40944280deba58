/* What can be broken of lwIP at run time, beyond what the port does: options of lwIP that are variables
 * here. The server takes them, and the port's own, as arguments:
 *
 *     window=BYTES      the receive window
 *     held=BYTES        what is kept out of order; 0 is nothing
 *     isn=1             each connection starts at the same number
 *     mss=BYTES         what a SYN announces, and what is sent at most
 *     blocks=N          so many control blocks are left for connections
 *     unchecked=1       no checksum that comes is looked at
 *     reassembly=0      fragments are thrown away
 *     half-close=0      FIN is answered by FIN, and nothing is sent after it
 *     clock=PERCENT     of the time that passes: 1000 is ten times too fast
 */
#ifndef BROKEN_H
#define BROKEN_H

#include <stdint.h>

extern uint16_t broken_window, broken_held;

uint32_t broken_isn(void);

#endif
