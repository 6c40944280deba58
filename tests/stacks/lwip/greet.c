/* A greet server on lwIP's raw API, fit to be flashed: no operating system, no heap, one loop. The
 * callbacks only take notes; greet_poll does the rest once the stack has let go of the connection. */
#include <stdio.h>
#include <string.h>

#include "greet.h"
#include "lwip/sys.h"
#include "lwip/tcp.h"
#include "lwip/udp.h"

enum { PLACES = 8, LIMIT = 1024, FRONT = 7, SHORT = 536 };              /* FRONT: before the name */
enum { DEADLINE = 10000, SETTLE = 20, LINGER = 1000, SINK = 65536 };    /* in ms, and bytes */

static struct client {
  struct tcp_pcb *pcb;             /* NULL: a free place */
  u32_t since, last, got;          /* when it came, or was answered; its last bytes; how many */
  u16_t sent, end;                 /* of the reply; there is none yet while `end` is 0 */
  bool fin, closed;                /* it has ended its side, we ours */
  char text[FRONT + LIMIT + 1];    /* one more tells a name that is too long */
} clients[PLACES];

/* Where the text stops to be UTF-8: `len` if it doesn't. It is `cut` if more bytes could mend it. */
static u32_t utf8(const char *text, u32_t len, bool *cut) {
  const u8_t *s = (const u8_t *)text;
  *cut = false;
  for (u32_t at = 0, more; at < len; at += more + 1) {
    u8_t c = s[at], low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (c >= 0x80 && (c < 0xc2 || c > 0xf4)) return at;
    more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    for (u32_t i = 1; i <= more; i++, low = 0x80, high = 0xbf) {
      if (at + i == len) return *cut = true, at;
      if (s[at + i] < low || s[at + i] > high) return at;
    }
  }
  return len;
}

/* Makes the reply to `len` bytes at text + FRONT, of which LIMIT + 1 are there at most. */
static u16_t reply(char *text, u32_t len, const char *what) {
  bool cut;
  u32_t valid = len > LIMIT ? 0 : utf8(text + FRONT, len, &cut);
  if (len > LIMIT) return sprintf(text, "Error: %s is longer than %d bytes\n", what, LIMIT);
  if (valid < len) return sprintf(text, "Error: %s is not UTF-8 at byte %u\n", what, (unsigned)valid);
  memcpy(text, "Hello, ", FRONT);
  return FRONT + len;
}

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err) {
  struct client *c = arg;
  if (p == NULL) return c->fin = true, ERR_OK; /* FIN */
  if (c->end == 0 && c->got <= LIMIT) pbuf_copy_partial(p, c->text + FRONT + c->got, LIMIT + 1 - c->got, 0);
  c->got += p->tot_len;
  c->last = sys_now();
  tcp_recved(pcb, p->tot_len);
  pbuf_free(p);
  return ERR_OK;
}

static void on_error(void *arg, err_t err) {
  ((struct client *)arg)->pcb = NULL; /* the stack has freed it, or is about to */
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err) {
  for (struct client *c = clients; err == ERR_OK && c < clients + PLACES; c++) {
    if (c->pcb != NULL) continue;
    *c = (struct client){.pcb = pcb, .since = sys_now(), .last = sys_now()};
    tcp_arg(pcb, c), tcp_recv(pcb, on_receive), tcp_err(pcb, on_error);
    tcp_nagle_disable(pcb);
    tcp_backlog_delayed(pcb); /* whoever has a place counts: no more are let in than there are */
    return ERR_OK;
  }
  return ERR_MEM; /* the stack resets it */
}

/* Gives the place back. What isn't acknowledged can't be sent again then: it stands in that place. */
static void release(struct client *c) {
  struct tcp_pcb *pcb = c->pcb;
  c->pcb = NULL;
  tcp_arg(pcb, NULL), tcp_recv(pcb, NULL), tcp_err(pcb, NULL);
  tcp_backlog_accepted(pcb);
  if (!c->closed || tcp_sndqueuelen(pcb) > 0 || tcp_close(pcb) != ERR_OK) tcp_abort(pcb);
}

static void drive(struct client *c, u32_t now, bool quiet) {
  bool cut, settled = c->got < LWIP_MIN(SHORT, tcp_mss(c->pcb)) || now - c->last >= SETTLE;
  if (c->end == 0) {
    bool late = now - c->since >= DEADLINE, whole = c->got > LIMIT || c->fin;
    if (!whole && quiet && settled && c->got > 0) utf8(c->text + FRONT, c->got, &cut), whole = !cut;
    if (!whole && !late) return;
    c->end = whole ? reply(c->text, c->got, "name") : sprintf(c->text, "Error: no name within %d s\n", DEADLINE / 1000);
    c->since = now;
  }
  for (u16_t part; c->sent < c->end; c->sent += part) {
    part = LWIP_MIN(c->end - c->sent, tcp_mss(c->pcb));
    if (tcp_write(c->pcb, c->text + c->sent, part, 0) != ERR_OK) break; /* no room: again later */
  }
  /* Only our side is closed: tcp_close would reset who has sent what nobody has read yet. */
  if (c->sent == c->end && !c->closed) c->closed = tcp_shutdown(c->pcb, 0, 1) == ERR_OK;
  tcp_output(c->pcb);
  bool drained = c->fin || c->got > SINK || now - c->since >= LINGER;
  if ((c->closed && drained && tcp_sndqueuelen(c->pcb) == 0) || now - c->since >= DEADLINE) release(c);
}

void greet_poll(u32_t now, bool quiet) {
  for (struct client *c = clients; c < clients + PLACES; c++)
    if (c->pcb != NULL) drive(c, now, quiet);
}

static void on_message(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port) {
  static char text[FRONT + LIMIT + 1];
  u16_t len = p->tot_len;
  pbuf_copy_partial(p, text + FRONT, LIMIT + 1, 0);
  pbuf_free(p);
  bool answer = len >= FRONT && (!memcmp(text + FRONT, "Hello, ", FRONT) || !memcmp(text + FRONT, "Error: ", FRONT));
  u16_t end = reply(text, len, "message");
  /* An answer to an answer would go on for ever. */
  if ((answer && text[0] == 'H') || port == 0 || ip_addr_cmp(from, netif_ip_addr4(ip_current_netif()))) return;
  if ((p = pbuf_alloc(PBUF_TRANSPORT, end, PBUF_RAM)) == NULL) return;
  if (pbuf_take(p, text, end) == ERR_OK) udp_sendto(pcb, p, from, port);
  pbuf_free(p);
}

bool greet_listen(u16_t tcp_port, u16_t udp_port) {
  struct tcp_pcb *tcp = tcp_new();
  struct udp_pcb *udp = udp_new();
  if (!tcp || tcp_bind(tcp, IP_ANY_TYPE, tcp_port) || !udp || udp_bind(udp, IP_ANY_TYPE, udp_port)) return false;
  if ((tcp = tcp_listen_with_backlog(tcp, PLACES)) == NULL) return false;
  tcp_accept(tcp, on_accept), udp_recv(udp, on_message, NULL);
  return true;
}
