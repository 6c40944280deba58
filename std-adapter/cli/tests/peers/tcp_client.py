import socket, sys

client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.connect((sys.argv[1], int(sys.argv[2])))
client.sendall(sys.argv[3].encode() if len(sys.argv) > 3 else b"World")
print(f"Received: {client.recv(1024).decode()}")
client.close()
