import socket, sys

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind((sys.argv[1], int(sys.argv[2])))
server.listen(5)
print(f"Server is listening on port {server.getsockname()[1]}...", flush=True)
while True:
    client, address = server.accept()
    print(f"Connection from {address[0]}:{address[1]}", flush=True)
    name = client.recv(1024).decode()
    client.sendall(f"Hello, {name}".encode())
    client.close()
