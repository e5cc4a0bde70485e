package record

import "strings"

// dictionaryID is what compressed blobs call the dictionary by.
const dictionaryID = 1

// dictionary is what compressor and decompressor know beforehand: fragments of
// messages, verdicts and subjects. Most blobs are a few hundred octets, in which
// such things occur once, so that compression by itself finds nothing. What
// occurs most stands last.
//
// It is part of the format: to change one octet of it is to make the blobs of
// every database unreadable. A better one needs an id of its own, beside this.
func dictionary() []byte {
	return []byte(strings.Join([]string{
		`gtld-servers.net.nstld.comverisign-grsidentity.digitalafilias-nstultradnscentralniccloudflareamazonawsregistry`,
		"\x0chostmaster\x03nic\x03www\x03ns1\x03ns2\x03ns3\x03dns\x07anycast\x01a\x0croot-servers\x03net\x00",
		`{"id":"","sweep":"","subject":{"zone":"","unicode":"","kind":"country-code","idn":true,"delegation":null},"depth":"full","vantage":""`,
		`"text":"","reference":"RFC 4035 section 5.3.1","until":"2026-01-01T00:00:00Z","evidence":[0,1,2],"count":2}],"suppressed":{"`,
		`"findings":[{"code":"SIG-01","name":"signature-expires-soon","severity":"warning","severity":"notice","zone":"`,
		`{"subject":{"zone":"com.","unicode":"com","kind":"generic","delegation":{"ns":["a.nic.`, `."],"glue":{"a.nic.`, `.":["2001:500:`, `::53","192.0.2.1"]},`,
		`"ds":[{"key_tag":20326,"algorithm":8,"digest_type":2,"digest":"`, `="}]}},"verdict":{"zone":"`,
		`"measurement":"20260801T060000.000000Z-0123456789ab","depth":"core","at":"2026-08-01T06:00:00Z","catalogue":"1","status":"secure",`,
		`"fails_at":"2026-08-10T06:00:00Z","fails_by":"SOA","algorithms":[8],"servers":[`,
		`{"name":"a.nic.`, `.","address":"192.0.2.1","status":"secure","fails_at":"2026-08-10T06:00:00Z","fails_by":"SOA","serial":2026080101,"serial_known":true,"rtt_ns":12000000},`,
		`"windows":[{"server":{"name":"a.nic.`, `.","address":"2001:db8::53"},"class":"DENIAL","class":"NSEC3PARAM","class":"CDNSKEY","class":"DNSKEY","class":"SOA",`,
		`"inception":"2026-07-31T06:00:00Z","expiration":"2026-08-14T06:00:00Z","key_tag":4711,"algorithm":8,"signer":"`, `.","ttl":3600},`,
		"\x08referral\x09parent-ds\x07address\x03soa\x07soa-tcp\x02ns\x06dnskey\x0ansec3param\x03cds\x07cdnskey\x08nxdomain\x06nodata",
		"\x0bunreachable\x0cconn-refused\x09malformed\x0ftruncated-twice\x0cwrong-source\x09not-asked\x07timeout\x03tcp",
		// An NSEC3 record and its signature; DNSKEY; a delegation.
		"\x20\xc0\x0c\x00\x32\x00\x01\x00\x00\x03\x84\x00\x26\x01\x00\x00\x00\x00\x14\x00\x07\x22\x01\x00\x00\x00\x02\x90\x00\x06\x20\x00\x00\x00\x00\x12",
		"\xc0\x0c\x00\x30\x00\x01\x00\x00\x0e\x10\x01\x08\x01\x01\x03\x08\x03\x01\x00\x01\xc0\x0c\x00\x30\x00\x01\x00\x00\x0e\x10\x00\x44\x01\x00\x03\x0d",
		"\xc0\x0c\x00\x02\x00\x01\x00\x02\xa3\x00\x00\x05\x01a\xc0\x00\x01\x00\x01\x00\x02\xa3\x00\x00\x04\x00\x1c\x00\x01\x00\x02\xa3\x00\x00\x10\x20\x01",
		"\x84\x00\x00\x01\x00\x00\x00\x06\x00\x01\x84\x03\x00\x01\x00\x00\x00\x08\x00\x01\x80\x00\x00\x01\x00\x00\x00\x0d\x00\x0f",
		// A signed SOA and the OPT record behind it.
		"\x01\x84\x00\x00\x01\x00\x02\x00\x00\x00\x01\x00\x00\x06\x00\x01\xc0\x0c\x00\x06\x00\x01\x00\x00\x0e\x10\x00",
		"\x00\x00\x07\x08\x00\x00\x03\x84\x00\x09\x3a\x80\x00\x01\x51\x80\xc0\x0c\x00\x2e\x00\x01\x00\x00\x0e\x10\x01",
		"\x00\x06\x08\x01\x00\x00\x0e\x10\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x14\x00\x03\x00\x10",
		// The head of an outcome: UDP, answered, and the query's shell.
		"\x03udp\x08answered\x1a\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x04\x00\x03\x00\x00",
	}, ""))
}
