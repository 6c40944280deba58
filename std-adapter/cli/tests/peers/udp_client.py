import socket, sys

client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(sys.argv[3].encode() if len(sys.argv) > 3 else b"Hello, UDP!", (sys.argv[1], int(sys.argv[2])))
client.close()
