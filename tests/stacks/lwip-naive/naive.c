/* The same on lwIP as many a tutorial has it: what is wrong is meant to be, and known.toml says of what
 * it costs. It closes inside the receive callback, takes one segment for the whole name, knows neither
 * UTF-8 nor a limit nor a deadline, and answers every message. */
#include <string.h>

#include "greet.h"
#include "lwip/tcp.h"
#include "lwip/udp.h"

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err) {
  char text[1031];
  if (p == NULL) return tcp_close(pcb);
  memcpy(text, "Hello, ", 7);
  u16_t len = pbuf_copy_partial(p, text + 7, sizeof text - 7, 0);
  tcp_recved(pcb, p->tot_len);
  pbuf_free(p);
  tcp_write(pcb, text, 7 + len, TCP_WRITE_FLAG_COPY);
  tcp_output(pcb);
  return tcp_close(pcb);
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err) {
  tcp_recv(pcb, on_receive);
  return ERR_OK;
}

static void on_message(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port) {
  char text[1031];
  memcpy(text, "Hello, ", 7);
  u16_t len = 7 + pbuf_copy_partial(p, text + 7, sizeof text - 7, 0);
  pbuf_free(p);
  p = pbuf_alloc(PBUF_TRANSPORT, len, PBUF_RAM);
  pbuf_take(p, text, len);
  udp_sendto(pcb, p, from, port);
  pbuf_free(p);
}

bool greet_listen(u16_t tcp_port, u16_t udp_port) {
  struct tcp_pcb *tcp = tcp_new();
  struct udp_pcb *udp = udp_new();
  tcp_bind(tcp, IP_ANY_TYPE, tcp_port);
  tcp_accept(tcp_listen(tcp), on_accept);
  udp_bind(udp, IP_ANY_TYPE, udp_port);
  udp_recv(udp, on_message, NULL);
  return true;
}

/* All is done in the callbacks. */
void greet_poll(u32_t now, bool quiet) {}
