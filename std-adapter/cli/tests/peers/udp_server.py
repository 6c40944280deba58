import socket, sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], int(sys.argv[2])))
print(f"Receiver is listening on UDP port {server.getsockname()[1]}...", flush=True)
while True:
    message, address = server.recvfrom(1024)
    print(f"Received message: {message.decode()} from {address[0]}:{address[1]}", flush=True)
