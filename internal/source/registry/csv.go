package registry

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// maxFile bounds a file of contacts: that of all TLDs has 213 kB.
const maxFile = 64 << 20

// readFile makes a source of the CSV file that is configured, dated as the file
// is.
func readFile(name string) (Source, error) {
	if name == "" {
		return nil, errors.New(`contacts.sources names "csv": set contacts.file`)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read contacts: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read contacts: %w", err)
	}
	return ReadCSV(file, name, info.ModTime().UTC())
}

// ReadCSV makes a source of a CSV file whose first line names its columns: tld
// and tech_email, and where they are there tech_org, tech_name and tech_phone;
// others are passed over. at is the file's date. A row without an address is
// no contact; one with something else in its place is an error that names the
// line, as is a domain that comes twice.
func ReadCSV(in io.Reader, file string, at time.Time) (Source, error) {
	limited := &io.LimitedReader{R: in, N: maxFile + 1}
	contacts, err := readCSV(csv.NewReader(limited), at)
	if limited.N <= 0 {
		err = fmt.Errorf("it has more than %d MiB", maxFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("read contacts %s: %w", file, err)
	}
	return fixed{contacts, file}, nil
}

// columns are where a file has its fields; -1: it does not.
type columns struct{ tld, email, organisation, person, phone int }

func readCSV(rows *csv.Reader, at time.Time) (map[holdfast.Name]holdfast.Contact, error) {
	head, err := rows.Read()
	if err == io.EOF {
		return nil, errors.New("it is empty")
	}
	if err != nil {
		return nil, err
	}
	column := func(name string) int {
		return slices.IndexFunc(head, func(field string) bool {
			return strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(field, "\ufeff")), name)
		})
	}
	c := columns{column("tld"), column("tech_email"), column("tech_org"), column("tech_name"), column("tech_phone")}
	if c.tld < 0 || c.email < 0 {
		return nil, errors.New("line 1: want a heading with the columns tld and tech_email")
	}
	contacts := map[holdfast.Name]holdfast.Contact{}
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return contacts, nil
		}
		if err != nil {
			return nil, err
		}
		contact, err := c.read(row, at)
		if err == nil && contacts[contact.Zone].Email != "" {
			err = fmt.Errorf("%s is there twice", contact.Zone)
		}
		switch line, _ := rows.FieldPos(0); {
		case errors.Is(err, ErrNoContact):
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", line, err)
		default:
			contacts[contact.Zone] = contact
		}
	}
}

func (c columns) read(row []string, at time.Time) (holdfast.Contact, error) {
	field := func(i int) string {
		if i < 0 {
			return ""
		}
		return row[i]
	}
	zone, err := wire.FromUnicode(strings.TrimSpace(field(c.tld)))
	if err != nil {
		return holdfast.Contact{}, err
	}
	return finish(holdfast.Contact{
		Zone: zone, Email: field(c.email), Organisation: field(c.organisation), Person: field(c.person), Phone: field(c.phone),
		Source: holdfast.ContactFromFile, Fetched: at,
	})
}
