import socket, sys

client = socket.create_connection((sys.argv[1], int(sys.argv[2])))
replies = client.makefile(encoding="utf-8")
for name in sys.argv[3:]:
    client.sendall(f"{name}\n".encode())
    print(f"Received: {replies.readline()}", end="")
client.close()
