// Package capture reads what others recorded of DNS traffic: pcap files, dnstap
// frames and the query logs of name servers, as a stream of questions with
// their sources. It says nothing of what they mean.
package capture
