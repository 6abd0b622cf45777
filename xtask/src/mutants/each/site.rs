//! The places of a file at which a mutant can be chosen while running: found in its syntax, as ranges of its text. Knows no mutant.

use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, BinOp, Block, Expr, ExprBinary, ExprStruct, Signature, UnOp};

/// A range of bytes of the text.
pub(crate) type Bytes = Range<usize>;

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An expression of operators with two operands that no parentheses part, or an assignment by one. Another operator in its place may
    /// bind otherwise: what a mutant makes of it is known for the whole only.
    Operators(Vec<Bytes>),
    /// An operator with one operand.
    Unary(Bytes),
    /// A function; the site is where its body begins. `block`: with its braces. `opaque`: its type is what its body returns.
    Body { block: Bytes, opaque: bool },
    /// An arm of a match; the site is from the end of its pattern to that of its guard. `start`: of the arm.
    Arm { start: usize, guard: Option<Bytes> },
    /// A struct expression with a base: its fields, each with its comma.
    Struct(Vec<Bytes>),
    /// An `&&` that joins a `let`: cannot be anything else.
    LetChain(Bytes),
}

/// One such place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// What is replaced by a choice.
    pub(crate) range: Bytes,
    pub(crate) kind: Kind,
    /// Computed by the compiler only: there is nothing to choose while running.
    pub(crate) constant: bool,
    /// In a `const fn`: the compiler may compute it too.
    pub(crate) const_fn: bool,
}

/// All of a file, outer ones before inner ones.
///
/// # Errors
/// If the text is no Rust.
pub(crate) fn sites(text: &str) -> syn::Result<Vec<Site>> {
    let file = syn::parse_file(text)?;
    let mut finder = Finder::default();
    finder.visit_file(&file);
    // An empty one stands before what begins at the same place: it is no part of it.
    finder.sites.sort_by_key(|site| (site.range.start, !site.range.is_empty(), std::cmp::Reverse(site.range.end)));
    Ok(finder.sites)
}

#[derive(Default)]
struct Finder {
    sites: Vec<Site>,
    constant: bool,
    const_fn: bool,
}

impl Finder {
    fn add(&mut self, range: Bytes, kind: Kind) {
        self.sites.push(Site { range, kind, constant: self.constant, const_fn: self.const_fn });
    }

    /// What `work` finds is computed by the compiler.
    fn in_constant(&mut self, work: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.constant, true);
        work(self);
        self.constant = before;
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        let before = (self.constant, self.const_fn);
        (self.constant, self.const_fn) = (false, signature.constness.is_some());
        let braces = block.span().byte_range();
        let opaque = has_opaque(signature);
        self.add(braces.start + 1..braces.start + 1, Kind::Body { block: braces, opaque });
        visit::visit_signature(self, signature);
        visit::visit_block(self, block);
        (self.constant, self.const_fn) = before;
    }

    fn binary(&mut self, whole: &Expr, binary: &ExprBinary) {
        if joins_let(whole) {
            self.add(binary.span().byte_range(), Kind::LetChain(binary.op.span().byte_range()));
            self.visit_expr(&binary.left);
            self.visit_expr(&binary.right);
            return;
        }
        let (mut operators, mut operands) = (vec![binary.op.span().byte_range()], Vec::new());
        if is_assignment(&binary.op) {
            operands.extend([&*binary.left, &*binary.right]);
        } else {
            flatten(&binary.left, &mut operators, &mut operands);
            flatten(&binary.right, &mut operators, &mut operands);
        }
        self.add(binary.span().byte_range(), Kind::Operators(operators));
        for operand in operands {
            self.visit_expr(operand);
        }
    }
}

/// The operators and operands of `expression`, down to parentheses and what else binds tighter.
fn flatten<'a>(expression: &'a Expr, operators: &mut Vec<Bytes>, operands: &mut Vec<&'a Expr>) {
    match expression {
        Expr::Binary(binary) if !is_assignment(&binary.op) => {
            flatten(&binary.left, operators, operands);
            operators.push(binary.op.span().byte_range());
            flatten(&binary.right, operators, operands);
        }
        other => operands.push(other),
    }
}

/// Whether a `let` is joined by it, as in `if let Some(a) = b && a == c`.
fn joins_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) if matches!(binary.op, BinOp::And(_)) => joins_let(&binary.left) || joins_let(&binary.right),
        _ => false,
    }
}

fn is_assignment(operator: &BinOp) -> bool {
    use BinOp::{AddAssign, BitAndAssign, BitOrAssign, BitXorAssign, DivAssign, MulAssign, RemAssign, ShlAssign, ShrAssign, SubAssign};
    matches!(operator, AddAssign(_) | SubAssign(_) | MulAssign(_) | DivAssign(_) | RemAssign(_))
        || matches!(operator, BitAndAssign(_) | BitOrAssign(_) | BitXorAssign(_) | ShlAssign(_) | ShrAssign(_))
}

/// Whether it returns an `impl Trait`.
fn has_opaque(signature: &Signature) -> bool {
    struct Opaque(bool);
    impl<'ast> Visit<'ast> for Opaque {
        fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut opaque = Opaque(false);
    opaque.visit_return_type(&signature.output);
    opaque.0
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_expr(&mut self, expression: &'ast Expr) {
        match expression {
            Expr::Binary(binary) => self.binary(expression, binary),
            Expr::Unary(unary) if !matches!(unary.op, UnOp::Deref(_)) => {
                self.add(unary.span().byte_range(), Kind::Unary(unary.op.span().byte_range()));
                self.visit_expr(&unary.expr);
            }
            Expr::Repeat(repeat) => {
                self.visit_expr(&repeat.expr);
                self.in_constant(|finder| finder.visit_expr(&repeat.len));
            }
            Expr::Const(block) => self.in_constant(|finder| visit::visit_expr_const(finder, block)),
            _ => visit::visit_expr(self, expression),
        }
    }

    fn visit_expr_struct(&mut self, expression: &'ast ExprStruct) {
        if expression.rest.is_some() {
            let field = |pair: syn::punctuated::Pair<&syn::FieldValue, &syn::Token![,]>| {
                let own = pair.value().span().byte_range();
                own.start..pair.punct().map_or(own.end, |comma| comma.span().byte_range().end)
            };
            self.add(expression.span().byte_range(), Kind::Struct(expression.fields.pairs().map(field).collect()));
        }
        visit::visit_expr_struct(self, expression);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        let (start, end) = (arm.span().byte_range().start, arm.pat.span().byte_range().end);
        let guard = arm.guard.as_ref().map(|(_, guard)| guard.span().byte_range());
        self.add(end..guard.as_ref().map_or(end, |guard| guard.end), Kind::Arm { start, guard });
        visit::visit_arm(self, arm);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        match &item.default {
            Some(block) => self.function(&item.sig, block),
            None => visit::visit_signature(self, &item.sig),
        }
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.in_constant(|finder| visit::visit_item_const(finder, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.in_constant(|finder| visit::visit_impl_item_const(finder, item));
    }

    fn visit_trait_item_const(&mut self, item: &'ast syn::TraitItemConst) {
        self.in_constant(|finder| visit::visit_trait_item_const(finder, item));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.in_constant(|finder| visit::visit_item_static(finder, item));
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.in_constant(|finder| visit::visit_variant(finder, variant));
    }

    fn visit_type_array(&mut self, array: &'ast syn::TypeArray) {
        self.visit_type(&array.elem);
        self.in_constant(|finder| finder.visit_expr(&array.len));
    }

    fn visit_generic_argument(&mut self, argument: &'ast syn::GenericArgument) {
        match argument {
            syn::GenericArgument::Const(value) => self.in_constant(|finder| finder.visit_expr(value)),
            other => visit::visit_generic_argument(self, other),
        }
    }

    fn visit_pat(&mut self, pattern: &'ast syn::Pat) {
        self.in_constant(|finder| visit::visit_pat(finder, pattern));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let kind = |site: &Site| match &site.kind {
            Kind::Operators(operators) => operators.iter().map(|operator| &text[operator.clone()]).collect::<Vec<_>>().join(" "),
            Kind::Unary(operator) => format!("unary {}", &text[operator.clone()]),
            Kind::Body { opaque, .. } => format!("body{}", if *opaque { " opaque" } else { "" }),
            Kind::Arm { guard, .. } => format!("arm {:?}", guard.as_ref().map(|guard| &text[guard.clone()])),
            Kind::Struct(fields) => fields.iter().map(|field| &text[field.clone()]).collect::<Vec<_>>().join("/"),
            Kind::LetChain(operator) => format!("let {}", &text[operator.clone()]),
        };
        let mark = |site: &Site| match (site.constant, site.const_fn) {
            (true, _) => "constant ",
            (false, true) => "const fn ",
            (false, false) => "",
        };
        sites(text).unwrap().iter().map(|site| format!("{}{}", mark(site), kind(site))).collect()
    }

    #[test]
    fn operators_that_no_parentheses_part_are_one_place() {
        assert_eq!(shown("fn f() { a + b * (c - d) == !e }"), ["body", "== + *", "-", "unary !"]);
        assert_eq!(shown("fn f() { a += b - *c; }"), ["body", "+=", "-"]);
    }

    #[test]
    fn a_let_is_left_in_its_chain() {
        assert_eq!(shown("fn f() { if a == b && let Some(c) = d + 1 && c < e {} }"), ["body", "let &&", "let &&", "==", "+", "<"]);
    }

    #[test]
    fn what_the_compiler_computes_is_marked() {
        assert_eq!(
            shown("const A: u8 = 1 + 2; const fn f() -> u8 { [0; 3 - 1][0] / 2 }"),
            ["constant +", "const fn body", "const fn /", "constant -"]
        );
    }

    #[test]
    fn arms_bodies_and_fields() {
        let text = "fn f() -> impl A { match a { B => c, D if e => g, _ => S { h: 1, i, ..j } } }";
        assert_eq!(shown(text), ["body opaque", "arm None", "arm Some(\"e\")", "arm None", "h: 1,/i,"]);
    }
}
