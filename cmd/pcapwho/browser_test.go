package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// browser is a Chromium that runs for a test, with what went wrong in its page.
type browser struct {
	t        *testing.T
	ctx      context.Context
	mu       sync.Mutex
	errors   []string
	requests []string
}

// newBrowser starts Chromium; without one the test is skipped.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(need.Tool(t, "chromium")), chromedp.NoSandbox, chromedp.WindowSize(1280, 900))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	b := &browser{t: t}
	b.ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(b.listen))
	t.Cleanup(cancel)
	enable(b, network.Enable, network.EnableParams{})
	enable(b, log.Enable, cdp.Empty{})
	enable(b, runtime.Enable, cdp.Empty{})
	return b
}

func enable[P, R any](b *browser, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.t.Fatal(err)
	}
}

// listen notes errors and requests.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		text, _ := json.Marshal(e.Args)
		b.errors = append(b.errors, fmt.Sprintf("console.%s %s", e.Type, text))
	case *runtime.EventExceptionThrown:
		text, _ := json.Marshal(e.ExceptionDetails)
		b.errors = append(b.errors, string(text))
	case *log.EventEntryAdded:
		b.errors = append(b.errors, fmt.Sprintf("%s: %s", e.Entry.Level, e.Entry.Text))
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// evaluate returns what an expression of JavaScript is, or what its promise gives.
func evaluate[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// open opens a page and returns after how long its script was done.
func (b *browser) open(path string) time.Duration {
	b.t.Helper()
	begin := time.Now()
	b.do(chromedp.Navigate("file://"+filepath.ToSlash(path)), chromedp.WaitVisible(chromedp.CSS("#waterfall-list .row")))
	return time.Since(begin)
}

// quiet fails the test where the page told an error or asked for anything but itself.
func (b *browser) quiet(pages ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.errors {
		b.t.Errorf("the page says %s", e)
	}
	for _, r := range b.requests {
		if !slices.Contains(pages, strings.TrimPrefix(r, "file://")) {
			b.t.Errorf("the page asks for %s", r)
		}
	}
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.t.Helper()
	for range 100 {
		if evaluate[bool](b, expression) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Errorf("never true: %s", expression)
}

// press gives the focus to an element and presses keys there.
func (b *browser) press(selector string, keys ...string) {
	b.t.Helper()
	b.do(chromedp.Focus(chromedp.CSS(selector)))
	for _, k := range keys {
		b.do(chromedp.KeyEvent(k))
	}
}

// screenshots writes pictures into the folder that PCAPWHO_SCREENSHOTS names.
func (b *browser) screenshots(name string) {
	dir := os.Getenv("PCAPWHO_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, width := range []int64{1280, 390} {
		for _, theme := range []string{"light", "dark"} {
			enable(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
			b.do(chromedp.EmulateViewport(width, 900), chromedp.Sleep(300*time.Millisecond))
			picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				b.t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, theme)), picture, 0o666); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	enable(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
	b.do(chromedp.EmulateViewport(1280, 900))
}
