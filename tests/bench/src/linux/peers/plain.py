# The server of a first lesson on sockets, with a backlog that suits a load.
import socket

server = socket.create_server(("127.0.0.1", 0), backlog=4096)
print(f"Server is listening on port {server.getsockname()[1]}...", flush=True)
while True:
    client, _ = server.accept()
    name = client.recv(1024).decode()
    client.sendall(f"Hello, {name}".encode())
    client.close()
