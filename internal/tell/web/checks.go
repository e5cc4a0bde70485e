package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// indexOfChecks is the page that stands before all others.
const indexOfChecks = "README.md"

// codeOf is the code that a file is about: "SIG-01.md", "sig-01-signature-expired.md".
func codeOf(file string) (string, bool) {
	parts := strings.SplitN(strings.TrimSuffix(path.Base(file), ".md"), "-", 3)
	if len(parts) < 2 || len(parts[1]) == 0 || parts[1][0] < '0' || parts[1][0] > '9' {
		return "", false
	}
	return strings.ToUpper(parts[0] + "-" + parts[1]), true
}

// heading is the text of a page's first line.
func heading(page []byte) string {
	line, _, _ := bytes.Cut(page, []byte("\n"))
	return strings.TrimSpace(strings.TrimLeft(string(line), "# "))
}

// markdown renders a page of docs/checks. Raw HTML is left out and links that
// run scripts are refused (goldmark's defaults), so even a careless page cannot
// hurt. Links from page to page are led to the pages of this site; those to
// other files of the project have no page here and lose their link's target.
func markdown(page []byte) (template.HTML, error) {
	renderer := newMarkdown()
	return renderMarkdown(renderer, page, renderer.Parser().Parse(text.NewReader(page)))
}

func newMarkdown() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.Table))
}

func renderMarkdown(renderer goldmark.Markdown, page []byte, tree ast.Node) (template.HTML, error) {
	err := ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if link, ok := n.(*ast.Link); ok && entering {
			link.Destination = []byte(linkOf(string(link.Destination)))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return "", fmt.Errorf("walk markdown: %w", err)
	}
	var out bytes.Buffer
	if err := renderer.Renderer().Render(&out, page, tree); err != nil {
		return "", fmt.Errorf("render markdown: %w", err)
	}
	return template.HTML(out.String()), nil
}

func linkOf(destination string) string {
	file, _, _ := strings.Cut(destination, "#")
	if code, ok := codeOf(file); ok && !strings.Contains(file, "/") {
		return "/checks/" + code
	}
	if file == indexOfChecks {
		return "/checks"
	}
	return "#main"
}

func (s *Site) serveChecks(w http.ResponseWriter, r *http.Request) error {
	if s.config.Checks == nil {
		return notFound("This program was built without the pages about checks.")
	}
	page, err := fs.ReadFile(s.config.Checks, indexOfChecks)
	if err != nil {
		return fmt.Errorf("read pages about checks: %w", err)
	}
	view, err := newIndex(page)
	if err != nil {
		return err
	}
	return s.show(w, r, shell{Title: "Checks", Nav: "/checks"}, "checks", view)
}

type checkView struct {
	Code string
	Body template.HTML
}

func (s *Site) serveCheck(w http.ResponseWriter, r *http.Request) error {
	if s.config.Checks == nil {
		return notFound("This program was built without the pages about checks.")
	}
	files, err := fs.Glob(s.config.Checks, "*.md")
	if err != nil {
		return fmt.Errorf("list pages about checks: %w", err)
	}
	want := strings.ToUpper(r.PathValue("code"))
	if code, ok := strings.CutSuffix(want, ".MD"); ok { // as mails name the page's file
		http.Redirect(w, r, "/checks/"+url.PathEscape(code), http.StatusMovedPermanently)
		return nil
	}
	for _, file := range files {
		if code, ok := codeOf(file); !ok || code != want {
			continue
		}
		page, err := fs.ReadFile(s.config.Checks, file)
		if err != nil {
			return fmt.Errorf("read page %s: %w", file, err)
		}
		body, err := markdown(page)
		if err != nil {
			return err
		}
		return s.show(w, r, shell{Title: heading(page), Nav: "/checks"}, "check", checkView{want, body})
	}
	return notFound("There is no check of this code.")
}
