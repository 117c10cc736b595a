//! Equations between columns, such as `balance_after - balance_before = amount`: one number follows from the others.

use super::expression::{Expr, Value, eval};
use super::rules::{Cell, Rules};
use super::shape::Kind;

/// The equations that must hold for `expr` to hold.
pub fn equations(expr: &Expr) -> Vec<(Expr, Expr)> {
    match expr {
        Expr::And(parts) => parts.iter().flat_map(equations).collect(),
        // A plain column, or a function of it, against a constant is a fact, not an equation.
        Expr::Binary(operator, left, right)
            if operator == "="
                && (left.constant(0).is_none() && right.constant(0).is_none() || left.columns().len() > 1) =>
        {
            vec![((**left).clone(), (**right).clone())]
        }
        _ => Vec::new(),
    }
}

/// Changes one free number so that both sides are equal, if the difference is linear in one.
pub fn solve(rules: &Rules<'_>, left: &Expr, right: &Expr, cells: &mut [Cell], free: &[bool], today: i64) {
    let difference = |cells: &[Cell]| {
        let side = |expr| match eval(expr, today, &|name| rules.value_of(name, None, cells))? {
            Value::Number(value) => Some(value),
            _ => None,
        };
        Some(side(left)? - side(right)?)
    };
    if difference(cells).is_none_or(|difference| difference == 0.0) {
        return;
    }
    // From the last: results are usually written after what they come from.
    for at in (0..cells.len()).rev().filter(|at| free[*at]) {
        let scale = match rules.shapes[at].kind {
            Kind::Integer(..) => 0,
            Kind::Numeric { scale, .. } => scale.clamp(0, 10),
            _ => continue,
        };
        if cells[at].text().is_none() {
            continue;
        }
        let before = cells[at].clone();
        let mut with = |value: f64| {
            cells[at] = Cell::Value(Some(format!("{value:.*}", usize::try_from(scale).unwrap_or(0))));
            difference(cells)
        };
        if let (Some(at_zero), Some(at_one)) = (with(0.0), with(1.0))
            && at_zero != at_one
            && with(at_zero / (at_zero - at_one)) == Some(0.0)
        {
            return;
        }
        cells[at] = before;
    }
}
