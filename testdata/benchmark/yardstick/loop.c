/* The yardstick: libpcap's own loop over a capture, which decodes nothing. */
#include <pcap/pcap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *data;
	unsigned long long packets = 0, bytes = 0;
	int status;
	pcap_t *capture;

	if (argc != 2)
		return 2;
	capture = pcap_open_offline(argv[1], error);
	if (capture == NULL) {
		fprintf(stderr, "error: %s\n", error);
		return 1;
	}
	while ((status = pcap_next_ex(capture, &header, &data)) == 1) {
		packets++;
		bytes += header->len;
	}
	if (status != PCAP_ERROR_BREAK) { /* what it calls the end of the file */
		fprintf(stderr, "error: %s\n", pcap_geterr(capture));
		return 1;
	}
	printf("%llu packets, %llu bytes\n", packets, bytes);
	return 0;
}
