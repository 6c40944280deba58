/* The port: lwIP without an operating system, its network interface on a TAP device of Linux, and the
 * loop of a board. What a breakage is called on the command line is in broken.h. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "greet.h"
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/ip4.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

uint16_t broken_window = 4 * TCP_MSS, broken_held = UINT16_MAX;

static struct {
  unsigned mss, blocks, isn, unchecked, reassembly, half_close, clock;
} broken = {.reassembly = 1, .half_close = 1, .clock = 100};

u32_t sys_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (u32_t)((now.tv_sec * 1000ull + now.tv_nsec / 1000000) * broken.clock / 100);
}

/* As lwIP numbers by itself. */
uint32_t broken_isn(void) {
  static u32_t isn = 6510;
  return broken.isn ? isn : (isn += tcp_ticks);
}

static int open_tap(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
    perror(name);
    exit(1);
  }
  return fd;
}

static err_t output(struct netif *netif, struct pbuf *p) {
  static char frame[2048];
  u16_t len = pbuf_copy_partial(p, frame, sizeof frame, 0);
  return write(*(int *)netif->state, frame, len) == len ? ERR_OK : ERR_IF;
}

static err_t start(struct netif *netif) {
  memcpy(netif->hwaddr, "\2\0\0\0\0\2", netif->hwaddr_len = ETH_HWADDR_LEN);
  memcpy(netif->name, "tp", 2);
  netif->mtu = broken.mss ? broken.mss + 40 : 1500; /* lwIP makes its MSS of it */
  netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_LINK_UP;
  netif->output = etharp_output;
  netif->linkoutput = output;
  return ERR_OK;
}

/* One frame, if there is one. */
static bool input(struct netif *netif) {
  static char frame[2048];
  ssize_t len = read(*(int *)netif->state, frame, sizeof frame);
  struct pbuf *p;
  if (len <= 0) return false;
  if (!broken.reassembly && len >= 34 && memcmp(frame + 12, "\x08\x00", 2) == 0 && ((frame[20] & 0x3f) || frame[21])) return true;
  if ((p = pbuf_alloc(PBUF_RAW, len, PBUF_POOL)) == NULL) return true; /* as a driver drops it */
  if (pbuf_take(p, frame, len) != ERR_OK || netif->input(p, netif) != ERR_OK) pbuf_free(p);
  return true;
}

/* Whoever has sent FIN gets FIN. */
static void close_what_is_half_closed(void) {
  for (struct tcp_pcb *pcb = tcp_active_pcbs, *next; pcb != NULL; pcb = next) {
    next = pcb->next;
    if (pcb->state == CLOSE_WAIT) tcp_shutdown(pcb, 0, 1);
  }
}

static void break_it(const char *what) {
  static const struct {
    const char *format;
    unsigned *value;
  } numbers[] = {{"mss=%u", &broken.mss},
                 {"blocks=%u", &broken.blocks},
                 {"isn=%u", &broken.isn},
                 {"unchecked=%u", &broken.unchecked},
                 {"reassembly=%u", &broken.reassembly},
                 {"half-close=%u", &broken.half_close},
                 {"clock=%u", &broken.clock}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (sscanf(what, numbers[i].format, numbers[i].value) == 1) return;
  if (sscanf(what, "window=%hu", &broken_window) == 1 || sscanf(what, "held=%hu", &broken_held) == 1) return;
  fprintf(stderr, "nothing is called %s\n", what);
  exit(2);
}

/* TAP ADDRESS NETMASK [WHAT=VALUE...] */
int main(int argc, char **argv) {
  struct netif netif;
  ip4_addr_t address, mask;
  if (argc < 4 || !ip4addr_aton(argv[2], &address) || !ip4addr_aton(argv[3], &mask)) return 2;
  for (int i = 4; i < argc; i++) break_it(argv[i]);
  int fd = open_tap(argv[1]);

  lwip_init();
  netif_add(&netif, &address, &mask, NULL, &fd, start, ethernet_input);
  netif_set_default(&netif);
  netif_set_up(&netif);
  if (broken.unchecked) NETIF_SET_CHECKSUM_CTRL(&netif, NETIF_CHECKSUM_ENABLE_ALL & ~(NETIF_CHECKSUM_CHECK_IP | NETIF_CHECKSUM_CHECK_UDP | NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_ICMP));
  if (!greet_listen(8000, 8001)) return 1;
  for (int i = broken.blocks; broken.blocks && i < MEMP_NUM_TCP_PCB; i++) tcp_new(); /* nobody's */

  for (;;) {
    struct pollfd tap = {.fd = fd, .events = POLLIN};
    poll(&tap, 1, 5);
    while (input(&netif)) {
      if (!broken.half_close) close_what_is_half_closed();
      greet_poll(sys_now(), false);
    }
    sys_check_timeouts();
    greet_poll(sys_now(), true);
  }
}
